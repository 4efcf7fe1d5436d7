"""A receipt as PDF: a strip of 80 mm whose length is that of its content, or a page of A4."""

from __future__ import annotations

import io
from collections.abc import Callable
from enum import Enum
from typing import Any

import segno
from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, HRFlowable, PageTemplate, Paragraph, Spacer, Table

from gridtill.kernel.energy import format_kwh
from gridtill.reports.receipt import words
from gridtill.reports.receipt.document import ReceiptDocument
from gridtill.reports.receipt.fonts import BOLD, PLAIN, markup, register_fonts
from gridtill.reports.receipt.words import Row, RowKind

_STRIP_WIDTH = 80 * mm
_STRIP_MARGIN = 4 * mm
_PAGE_MARGIN = 20 * mm


class Paper(Enum):
    """The papers that a PDF receipt is made for; the value is what addresses call it."""

    STRIP = "80"
    PAGE = "a4"


def receipt_pdf(receipt: ReceiptDocument, paper: Paper) -> bytes:
    """Draw a receipt as a PDF file; the same receipt gives the same bytes."""
    register_fonts()
    if paper is Paper.PAGE:
        return _build(receipt, _page(receipt), A4, _PAGE_MARGIN)
    story = _strip(receipt)
    inner = _STRIP_WIDTH - 2 * _STRIP_MARGIN
    height = sum(part.wrap(inner, 10_000)[1] + part.getSpaceBefore() + part.getSpaceAfter() for part in story)
    return _build(receipt, story, (_STRIP_WIDTH, height + 2 * _STRIP_MARGIN + 1 * mm), _STRIP_MARGIN)


def _build(receipt: ReceiptDocument, story: list[Flowable], size: tuple[Any, Any], margin: Any) -> bytes:
    output = io.BytesIO()
    template = BaseDocTemplate(
        output, pagesize=size, title=receipt.number, author=receipt.face.utility_name, invariant=1
    )
    frame = Frame(margin, margin, size[0] - 2 * margin, size[1] - 2 * margin, 0, 0, 0, 0)
    template.addPageTemplates([PageTemplate(frames=[frame])])
    template.build(story, canvasmaker=Canvas)
    return output.getvalue()


def _style(size: int, *, bold: bool = False, align: int = 0, before: int = 0) -> ParagraphStyle:
    return ParagraphStyle(
        f"receipt-{size}-{bold}-{align}",
        fontName=BOLD if bold else PLAIN,
        fontSize=size,
        leading=size * 5 // 4 + 1,
        alignment=align,
        spaceBefore=before,
        splitLongWords=1,
    )


def _text(value: str, size: int, *, bold: bool = False, align: int = 0, before: int = 0) -> Paragraph:
    return Paragraph(markup(value), _style(size, bold=bold, align=align, before=before))


class _Code(Flowable):
    """A QR code in the middle of its column."""

    def __init__(self, url: str, side: Any) -> None:
        super().__init__()
        self._matrix = segno.make(url, error="m", micro=False).matrix
        self._side = side
        self._width = side

    def wrap(self, available_width: Any, _available_height: Any) -> tuple[Any, Any]:
        self._width = available_width
        return available_width, self._side

    def draw(self) -> None:
        step = self._side / len(self._matrix)
        left = (self._width - self._side) / 2
        for down, row in enumerate(self._matrix):
            for across, dark in enumerate(row):
                if dark:
                    # A hair wider than its place, so that no white lines show between neighbours.
                    place = (left + across * step, self._side - (down + 1) * step)
                    self.canv.rect(*place, step * 51 / 50, step * 51 / 50, stroke=0, fill=1)


def _strip(receipt: ReceiptDocument) -> list[Flowable]:
    story: list[Flowable] = []
    for row in words.receipt_rows(receipt):
        story += _STRIP_ROWS[row.kind](row)
    return story


def _padding(across: int, down: int) -> list[tuple[Any, ...]]:
    sides = {"LEFTPADDING": across, "RIGHTPADDING": across, "TOPPADDING": down, "BOTTOMPADDING": down}
    return [(name, (0, 0), (-1, -1), room) for name, room in sides.items()]


def _pair(row: Row, *, bold: bool = False) -> list[Flowable]:
    left: list[Flowable] = [_text(row.left, 8, bold=bold)]
    if row.note:
        left.append(_text(row.note, 7))
    cells = [[left, _text(row.right, 8, bold=bold, align=TA_RIGHT)]]
    table = Table(cells, colWidths=[44 * mm, 28 * mm] if row.kind is not RowKind.PAIR else [28 * mm, 44 * mm])
    rules = [("LINEABOVE", (0, 0), (-1, 0), 1, colors.black)] if bold else []
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(0, 1), *rules])
    return [table]


def _boxed(digits: str, size: int) -> list[Flowable]:
    table = Table([[_text(digits, size, bold=True, align=TA_CENTER)]])
    table.setStyle([("BOX", (0, 0), (-1, -1), 1, colors.black), ("BOTTOMPADDING", (0, 0), (-1, -1), 6)])
    return [Spacer(1, 2 * mm), table, Spacer(1, 2 * mm)]


def _rule(_row: Row) -> list[Flowable]:
    return [HRFlowable(width="100%", thickness=1, color=colors.black, dash=(2, 2), spaceBefore=4, spaceAfter=4)]


def _code(row: Row) -> list[Flowable]:
    return [
        Spacer(1, 2 * mm),
        _Code(row.left, 28 * mm),
        Spacer(1, 1 * mm),
        _text(row.note, 7, align=TA_CENTER),
    ]


_STRIP_ROWS: dict[RowKind, Callable[[Row], list[Flowable]]] = {
    RowKind.HEADING: lambda row: [_text(row.left, 13, bold=True, align=TA_CENTER)],
    RowKind.MIDDLE: lambda row: [_text(row.left, 8, align=TA_CENTER)],
    RowKind.STAMP: lambda row: [_text(row.left, 12, bold=True, align=TA_CENTER)],
    RowKind.RULE: _rule,
    RowKind.PAIR: _pair,
    RowKind.STEP: _pair,
    RowKind.SUM: lambda row: _pair(row, bold=True),
    RowKind.ENERGY: lambda row: [_text(row.left, 18, bold=True, align=TA_CENTER)],
    RowKind.DIGITS: lambda row: _boxed(row.left, 12),
    RowKind.CODE: _code,
}


def _page(receipt: ReceiptDocument) -> list[Flowable]:
    face = receipt.face
    story: list[Flowable] = [_text(face.utility_name, 20, bold=True)]
    if face.header:
        story.append(_text(face.header, 10))
    story += [_text(stamp, 16, bold=True, before=6) for stamp in words.stamps(receipt)]
    story += [
        Spacer(1, 6 * mm),
        _text(f"{_('Receipt')} {receipt.number}", 14, bold=True),
        _text(f"{receipt.at:%Y-%m-%d %H:%M} · {receipt.office} · {receipt.till} · {receipt.cashier}", 10),
        Spacer(1, 6 * mm),
        _page_facts(receipt),
        Spacer(1, 6 * mm),
        _page_steps(receipt),
        Spacer(1, 6 * mm),
    ]
    if receipt.debts:
        story += [_text(_("Owed before » after"), 10, bold=True), _two_columns(words.debts(receipt)), Spacer(1, 6 * mm)]
    story.append(_text(f"{_('ENERGY')} {format_kwh(receipt.energy_wh)} kWh", 20, bold=True, align=TA_CENTER))
    for row in words.digit_rows(receipt):
        story += _boxed(row.left, 20) if row.kind is RowKind.DIGITS else [_text(row.left, 10, align=TA_CENTER)]
    if face.check_url:
        story += _code(Row(RowKind.CODE, face.check_url, note=_("Is this receipt genuine? Scan the code.")))
    if face.footer:
        story += [Spacer(1, 4 * mm), _text(face.footer, 9, align=TA_CENTER)]
    return story


def _page_facts(receipt: ReceiptDocument) -> Table:
    return _two_columns(words.facts(receipt))


def _two_columns(pairs: list[tuple[str, str]]) -> Table:
    table = Table([[_text(label, 10), _text(value, 10)] for label, value in pairs], colWidths=[60 * mm, 110 * mm])
    table.setStyle([*_padding(0, 2), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return table


def _page_steps(receipt: ReceiptDocument) -> Table:
    def cells(first: str, kwh: str, rate: str, amount: str, *, bold: bool = False) -> list[Paragraph]:
        right = [_text(value, 10, bold=bold, align=TA_RIGHT) for value in (kwh, rate, amount)]
        return [_text(first, 10, bold=bold), *right]

    rows = [cells(_("How the money became energy"), "kWh", _("Price per kWh"), receipt.currency, bold=True)]
    for line in receipt.lines:
        kwh = "" if line.quantity_wh is None else format_kwh(line.quantity_wh)
        rows.append(cells(line.label, kwh, line.rate or "", words.money_words(receipt, line.amount_minor)))
    paid = len(rows)
    rows.append(cells(_("PAID"), "", "", words.money_words(receipt, receipt.total_minor), bold=True))
    rows += [cells(label, "", "", value) for label, value in words.payments(receipt)]
    table = Table(rows, colWidths=[85 * mm, 25 * mm, 30 * mm, 30 * mm], repeatRows=1)
    table.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 1, colors.black),
            ("LINEABOVE", (0, paid), (-1, paid), 1, colors.black),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            *_padding(2, 3),
        ]
    )
    return table
