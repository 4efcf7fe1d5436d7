"""A receipt as bytes for a receipt printer with paper of 80 mm."""

from __future__ import annotations

from gridtill.drivers.printer.escpos import Escpos
from gridtill.reports.receipt.document import ReceiptDocument
from gridtill.reports.receipt.words import Row, RowKind, receipt_rows


def receipt_bytes(receipt: ReceiptDocument) -> bytes:
    """Write a receipt as ESC/POS, from the printer's reset to the cut."""
    paper = Escpos()
    for row in receipt_rows(receipt):
        _add(paper, row)
    return paper.line().cut().content()


def _add(paper: Escpos, row: Row) -> None:
    match row.kind:
        case RowKind.HEADING | RowKind.STAMP | RowKind.ENERGY:
            paper.text(row.left, middle=True, bold=True, size=2)
        case RowKind.MIDDLE:
            paper.text(row.left, middle=True)
        case RowKind.RULE:
            paper.rule()
        case RowKind.DIGITS:
            _add_digits(paper, row.left.split())
        case RowKind.CODE:
            paper.code(row.left).text(row.note, middle=True)
        case RowKind.PAIR | RowKind.STEP | RowKind.SUM:
            paper.pair(row.left, row.right, bold=row.kind is RowKind.SUM)
            if row.note:
                paper.text(f"  {row.note}")


def _add_digits(paper: Escpos, groups: list[str]) -> None:
    """Add a token in large digits, which takes two lines and empty ones around them."""
    paper.line()
    for start in range(0, len(groups), 3):
        paper.line(" ".join(groups[start : start + 3]), middle=True, bold=True, size=2)
    paper.line()
