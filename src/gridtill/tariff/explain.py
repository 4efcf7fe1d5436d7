"""A quote in words: one line of text for each of its lines, for a terminal or a receipt."""

from __future__ import annotations

from gridtill.kernel.energy import format_kwh
from gridtill.kernel.money import format_minor
from gridtill.tariff.terms import Line, Quote


def explain(quote: Quote, width: int = 60) -> list[str]:
    """
    Write how a tender became energy: what each line took, the sum, and the energy.

    Amounts end at ``width``; a label that is too long is cut before its quantity.

    >>> from gridtill.tariff.terms import LineKind
    >>> energy = Line(LineKind.ENERGY, "energy", "Energy", 8050, 32_200, "2.50")
    >>> vat = Line(LineKind.TAX, "vat", "VAT", 1288)
    >>> for text in explain(Quote(9338, "KES", 32_200, (energy, vat), 0, 0, "A", None), 40):
    ...     print(text)
    Energy  32.2 kWh × 2.50            80.50
    VAT                                12.88
    Paid                           KES 93.38
    Energy                          32.2 kWh
    """
    rows = [_row(*_words(line), format_minor(line.amount_minor, quote.currency), width) for line in quote.lines]
    paid = f"{quote.currency} {format_minor(quote.tender_minor, quote.currency)}"
    return [*rows, _row("Paid", "", paid, width), _row("Energy", "", f"{format_kwh(quote.energy_wh)} kWh", width)]


def _words(line: Line) -> tuple[str, str]:
    if line.quantity_wh is None or line.rate is None:
        return line.label, ""
    return line.label, f"  {format_kwh(line.quantity_wh)} kWh × {line.rate}"


def _row(label: str, quantity: str, amount: str, width: int) -> str:
    room = max(1, width - len(quantity) - len(amount) - 1)
    return f"{label[:room] + quantity:<{width - len(amount) - 1}} {amount}"
