"""
Quotes: how money becomes energy and energy money, exactly, line by line.

Within a block everything that a kWh costs (price, pass-through rates, taxes, levies) is
linear, so the inverse is found block by block and never by trial. Energy is floored to the
carrier's step; what the rest is worth is carried. Lines sum to the tender, always.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from gridtill.kernel.energy import Energy, format_kwh
from gridtill.kernel.money import Money, format_minor
from gridtill.kernel.rounding import Mode, round_fraction, share_out
from gridtill.tariff.debts import least_tender, taken_by_debts
from gridtill.tariff.document import Tariff
from gridtill.tariff.frame import Frame, build_frame
from gridtill.tariff.price import Item, cost, least_cost, most_energy, priced
from gridtill.tariff.terms import (
    AboveMaximum,
    BelowMinimum,
    CurrencyMismatch,
    Deduction,
    History,
    Line,
    LineKind,
    NothingToBuy,
    NotNameable,
    NotYetValid,
    Quote,
)

__all__ = [
    "AboveMaximum",
    "BelowMinimum",
    "CurrencyMismatch",
    "Deduction",
    "History",
    "Line",
    "LineKind",
    "NotNameable",
    "NotYetValid",
    "NothingToBuy",
    "Quote",
    "quote_energy",
    "quote_money",
]


def quote_money(
    tariff: Tariff,
    history: History,
    money: Money,
    at: datetime,
    *,
    step_wh: int = 100,
    deductions: Sequence[Deduction] = (),
    zone: ZoneInfo,
    floor_wh: Callable[[int], int] | None = None,
) -> Quote:
    """
    Quote what a tender buys.

    ``floor_wh`` lowers an energy to what the carrier can name, where that is coarser than the step.

    :raises BelowMinimum: naming the least that buys a step of energy
    :raises NotNameable: if only more energy, which costs less, could be put into the carrier
    :raises AboveMaximum: above the tariff's maximum of money or energy
    :raises NothingToBuy: if there is no money
    :raises CurrencyMismatch: if the money is in another currency
    :raises NotYetValid: before the tariff's first day
    """
    if money.currency != tariff.currency:
        raise CurrencyMismatch(
            "This tariff is in {currency}, not {given}.", field="amount", currency=tariff.currency, given=money.currency
        )
    if money.minor <= 0:
        raise NothingToBuy("There is no money to buy energy for.", field="amount")
    frame = build_frame(tariff, history, at, step_wh, deductions, zone)
    return _quoted(frame, money.minor, floor_wh)


def quote_energy(
    tariff: Tariff,
    history: History,
    energy: Energy,
    at: datetime,
    *,
    step_wh: int = 100,
    deductions: Sequence[Deduction] = (),
    zone: ZoneInfo,
) -> Quote:
    """
    Quote the least money that buys an energy, rounded up to the carrier's step.

    :raises NothingToBuy: if no energy is asked for
    :raises BelowMinimum: under the tariff's minimum of energy
    :raises AboveMaximum: above the tariff's maximum of money or energy
    :raises NotYetValid: before the tariff's first day
    """
    if energy.wh <= 0:
        raise NothingToBuy("Ask for more energy than none.", field="energy")
    frame = build_frame(tariff, history, at, step_wh, deductions, zone)
    wanted = -(-energy.wh // step_wh) * step_wh
    return _quoted(frame, max(_money_for(frame, wanted), tariff.minimum_minor), None)


def _quoted(frame: Frame, tender: int, floor_wh: Callable[[int], int] | None) -> Quote:
    tariff = frame.tariff
    if tariff.maximum_minor is not None and tender > tariff.maximum_minor:
        most = format_minor(tariff.maximum_minor, tariff.currency)
        raise AboveMaximum(
            "The most for one purchase is {currency} {most}.",
            currency=tariff.currency,
            most=most,
            remedy="Buy less at once.",
            field="amount",
        )
    debts = [(debt, amount) for debt, amount in taken_by_debts(frame, tender) if amount]
    available = tender + frame.history.carry_minor - sum(amount for _debt, amount in debts)
    wh = most_energy(frame, available)
    if floor_wh is not None and wh > 0:
        wh = _named(frame, wh, floor_wh, available)
    if tariff.maximum_wh is not None and wh > tariff.maximum_wh:
        raise AboveMaximum(
            "The most for one purchase is {most} kWh; this would be {wanted} kWh.",
            most=format_kwh(tariff.maximum_wh),
            wanted=format_kwh(wh),
            remedy="Buy less at once.",
            field="amount",
        )
    if wh <= 0 or wh < tariff.minimum_wh or tender < tariff.minimum_minor:
        raise _too_little(frame)
    return _settled(frame, tender, wh, debts)


def _named(frame: Frame, wh: int, floor_wh: Callable[[int], int], available: int) -> int:
    """Lower an energy to what the carrier can name, unless less energy falls into a dearer block and costs more."""
    floored = floor_wh(wh)
    if not frame.tariff.whole_volume or least_cost(frame, floored) <= available >= round_fraction(cost(frame, floored)):
        return floored
    higher = next(more for more in range(wh, 2 * wh + 10**8, frame.step_wh) if floor_wh(more) == more)
    most = format_minor(_money_for(frame, higher), frame.tariff.currency)
    raise NotNameable(
        "No token can name the energy this buys, and less would cost more; the next sum is {currency} {most}.",
        remedy="Pay that sum, or much less.",
        field="amount",
        currency=frame.tariff.currency,
        most=most,
    )


def _too_little(frame: Frame) -> BelowMinimum:
    tariff = frame.tariff
    least_wh = max(frame.step_wh, -(-tariff.minimum_wh // frame.step_wh) * frame.step_wh)
    least = format_minor(max(_money_for(frame, least_wh), tariff.minimum_minor), tariff.currency)
    return BelowMinimum(
        f"The smallest purchase now is {tariff.currency} {least}.", remedy=f"Pay at least {least}.", field="amount"
    )


def _money_for(frame: Frame, wh: int) -> int:
    needed = least_cost(frame, wh) - frame.history.carry_minor
    return max(1, least_tender(frame, needed) if frame.deductions else needed)


def _settled(frame: Frame, tender: int, wh: int, debts: list[tuple[Deduction, int]]) -> Quote:
    """Write the lines of a purchase; each is rounded once, together they are the tender."""
    carry_before = frame.history.carry_minor
    available = tender + carry_before - sum(amount for _debt, amount in debts)
    items = priced(frame, wh)
    exact = sum((item.exact for item in items), Fraction(0))
    # Half a unit above what is there would be rounded to money that nobody paid.
    cost = min(round_fraction(exact), available)
    amounts = share_out(cost, [item.exact for item in items])
    lines = [_line(item, amount) for item, amount in zip(items, amounts, strict=True)]
    lines += [
        Line(LineKind.DEBT, debt.code, debt.label, amount, detail=str(debt.remaining_minor - amount))
        for debt, amount in debts
    ]
    carry_after = available - cost
    if carry_before:
        lines.append(Line(LineKind.CARRY, "carry_in", "Carried from the last purchase", -carry_before))
    if carry_after:
        lines.append(Line(LineKind.CARRY, "carry_out", "Carried to the next purchase", carry_after))
    return Quote(
        tender_minor=tender,
        currency=frame.tariff.currency,
        energy_wh=wh,
        lines=tuple(lines),
        carry_before=carry_before,
        carry_after=carry_after,
        tariff_code=frame.tariff.code,
        charged_through=frame.charged_through,
    )


def _line(item: Item, amount: int) -> Line:
    rate = _decimal(item.rate) if item.rate is not None else None
    return Line(item.kind, item.code, item.label, amount, item.quantity_wh, rate)


def _decimal(rate: Fraction) -> str:
    """Write a rate with at least two and at most six decimals."""
    scaled = round_fraction(abs(rate) * 10**6, Mode.HALF_UP)
    whole, part = divmod(scaled, 10**6)
    digits = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if rate < 0 else ''}{whole}.{digits}"
