"""A receipt as rows of words, the same for every paper: what is a heading, a pair, a sum, a code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.utils.translation import gettext as _

from gridtill.kernel.energy import format_kwh
from gridtill.kernel.money import format_minor
from gridtill.reports.receipt.document import ReceiptDocument, ReceiptLine


class RowKind(Enum):
    """How a row is set, apart from what it says."""

    HEADING = "HEADING"
    MIDDLE = "MIDDLE"
    STAMP = "STAMP"
    RULE = "RULE"
    PAIR = "PAIR"
    STEP = "STEP"
    SUM = "SUM"
    ENERGY = "ENERGY"
    DIGITS = "DIGITS"
    CODE = "CODE"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a receipt; ``right`` stands at the other edge, ``note`` explains below."""

    kind: RowKind
    left: str = ""
    right: str = ""
    note: str = ""


_RULE = Row(RowKind.RULE)


def receipt_rows(receipt: ReceiptDocument) -> list[Row]:
    """Write a receipt as rows from top to bottom: who and when, the steps from money to energy, the token."""
    return [
        *_top(receipt),
        _RULE,
        *_facts(receipt),
        _RULE,
        *_steps(receipt),
        *_debts(receipt),
        _RULE,
        *_outcome(receipt),
        *_foot(receipt),
    ]


def stamps(receipt: ReceiptDocument) -> list[str]:
    """Return what a receipt must say across its face: that it is a copy, that it was taken back."""
    found = []
    if receipt.face.copy:
        found.append(f"{_('COPY')} {receipt.face.copy}")
    if receipt.face.is_reversed:
        found.append(_("TAKEN BACK"))
    return found


def token_groups(digits: str) -> list[str]:
    """
    Split a token into groups of four digits, as a keypad is typed.

    >>> token_groups("12345678")
    ['1234', '5678']
    """
    return [digits[start : start + 4] for start in range(0, len(digits), 4)]


def money_words(receipt: ReceiptDocument, minor: int) -> str:
    """Write an amount without its currency, with the thousands apart."""
    plain = format_minor(minor, receipt.currency)
    whole, point, part = plain.lstrip("-").partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{part}"


def step_note(line: ReceiptLine) -> str:
    """
    Write the multiplication behind a step, empty where nothing was multiplied.

    >>> step_note(ReceiptLine("Energy", 8050, 32_200, "2.50"))
    '32.2 kWh × 2.50'
    """
    if line.quantity_wh is None or not line.rate:
        return ""
    return f"{format_kwh(line.quantity_wh)} kWh × {line.rate}"


def _top(receipt: ReceiptDocument) -> list[Row]:
    face = receipt.face
    rows = [Row(RowKind.HEADING, face.utility_name)]
    if face.header:
        rows.append(Row(RowKind.MIDDLE, face.header))
    rows += [Row(RowKind.STAMP, words) for words in stamps(receipt)]
    rows.append(Row(RowKind.MIDDLE, f"{receipt.office} · {receipt.till} · {receipt.cashier}"))
    rows.append(Row(RowKind.MIDDLE, f"{receipt.at:%Y-%m-%d %H:%M} · {receipt.number}"))
    return rows


def facts(receipt: ReceiptDocument) -> list[tuple[str, str]]:
    """Return who bought for which meter under which tariff, as labels and values."""
    meter = receipt.meter
    return [
        (_("Customer"), receipt.customer_name),
        (_("Number"), receipt.customer_number),
        (_("Meter"), meter.number),
        ("SGC · KRN · TI", f"{meter.supply_group_code} · {meter.key_revision} · {meter.tariff_index}"),
        (_("Tariff"), receipt.tariff),
    ]


def _facts(receipt: ReceiptDocument) -> list[Row]:
    return [Row(RowKind.PAIR, label, value) for label, value in facts(receipt)]


def _steps(receipt: ReceiptDocument) -> list[Row]:
    rows = [
        Row(RowKind.STEP, line.label, money_words(receipt, line.amount_minor), step_note(line))
        for line in receipt.lines
    ]
    rows.append(Row(RowKind.SUM, f"{_('PAID')} {receipt.currency}", money_words(receipt, receipt.total_minor)))
    rows += [Row(RowKind.PAIR, label, value) for label, value in payments(receipt)]
    return rows


def payments(receipt: ReceiptDocument) -> list[tuple[str, str]]:
    """Return how it was paid, and the change that was given."""
    rows = []
    for tender in receipt.tenders:
        name = f"{tender.name} {tender.reference}".strip()
        rows.append((name, money_words(receipt, tender.amount_minor)))
    if receipt.change_minor:
        rows.append((_("Change"), money_words(receipt, receipt.change_minor)))
    return rows


def debts(receipt: ReceiptDocument) -> list[tuple[str, str]]:
    """Return what was owed before and after, one row a debt."""
    return [
        (debt.label, f"{money_words(receipt, debt.before_minor)} » {money_words(receipt, debt.after_minor)}")
        for debt in receipt.debts
    ]


def _debts(receipt: ReceiptDocument) -> list[Row]:
    rows = [Row(RowKind.PAIR, label, value) for label, value in debts(receipt)]
    return [_RULE, Row(RowKind.MIDDLE, _("Owed before » after")), *rows] if rows else []


def _outcome(receipt: ReceiptDocument) -> list[Row]:
    rows = [Row(RowKind.MIDDLE, _("ENERGY")), Row(RowKind.ENERGY, f"{format_kwh(receipt.energy_wh)} kWh")]
    return rows + digit_rows(receipt)


def digit_rows(receipt: ReceiptDocument) -> list[Row]:
    """Return the tokens in the order to be keyed in, a key change before what was bought."""
    face = receipt.face
    if not face.tokens:
        return []
    rows = [Row(RowKind.DIGITS, " ".join(token_groups(digits))) for digits in face.tokens]
    if not face.first_tokens:
        return rows
    first = [Row(RowKind.DIGITS, " ".join(token_groups(digits))) for digits in face.first_tokens]
    heading = Row(RowKind.MIDDLE, _("NEW KEY: enter these first, in this order"))
    return [heading, *first, Row(RowKind.MIDDLE, _("Then the purchase")), *rows]


def _foot(receipt: ReceiptDocument) -> list[Row]:
    rows = [Row(RowKind.MIDDLE, receipt.face.footer)] if receipt.face.footer else []
    if receipt.face.check_url:
        rows.append(Row(RowKind.CODE, receipt.face.check_url, note=_("Is this receipt genuine? Scan the code.")))
    return rows
