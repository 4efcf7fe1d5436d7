"""
A tariff at a moment for one account: which charges are due, and what the next kWh costs.

Everything here depends on the history and the moment, and on neither money nor energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from gridtill.kernel.clock import add_months, business_day, month_start
from gridtill.kernel.money import exponent
from gridtill.tariff.document import Charge, Tariff
from gridtill.tariff.terms import Deduction, History, NotYetValid

FOREVER_WH = 10**15


@dataclass(frozen=True, slots=True)
class Segment:
    """Energy after ``start`` up to ``end`` (Wh of this purchase) at one rate in currency units per kWh."""

    start: int
    end: int
    rate: Fraction
    label: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What a quote in either direction works from; ``places`` is minor units per currency unit."""

    tariff: Tariff
    history: History
    day: date
    segments: tuple[Segment, ...]
    places: int
    step_wh: int
    charges: tuple[tuple[Charge, int], ...]
    charged_through: date | None
    deductions: tuple[Deduction, ...]


def build_frame(
    tariff: Tariff, history: History, at: datetime, step_wh: int, deductions: Sequence[Deduction], zone: ZoneInfo
) -> Frame:
    """
    Place a tariff at a moment for an account.

    :raises NotYetValid: before the tariff's first day
    """
    day = business_day(at, zone)
    if day < tariff.valid_from:
        raise NotYetValid(
            "{tariff} applies from {day}.",
            remedy="Choose the tariff that is in force.",
            tariff=tariff.code,
            day=f"{tariff.valid_from:%d %b %Y}",
        )
    charges, through = charges_due(tariff, history, day)
    return Frame(
        tariff=tariff,
        history=history,
        day=day,
        segments=segments_from(tariff, history, at.astimezone(zone)),
        places=10 ** exponent(tariff.currency),
        step_wh=step_wh,
        charges=charges,
        charged_through=through,
        deductions=tuple(sorted(deductions, key=lambda item: item.priority)),
    )


def charges_due(tariff: Tariff, history: History, day: date) -> tuple[tuple[tuple[Charge, int], ...], date | None]:
    """
    Count how often each charge is due, and tell the month up to which monthly ones are then paid.

    Missed months roll up to the smallest cap of the monthly charges; what is beyond the
    cap stays due and is asked for in the next purchase.
    """
    month = first = month_start(day)
    paid = history.charged_through
    if paid is not None:
        # Months paid ahead are not due again, and the one after the last month of time does not exist.
        first = add_months(month_start(paid), 1) if paid < month else month
    elif history.account_opened is not None:
        first = min(month, month_start(history.account_opened))
    missed = (month.year - first.year) * 12 + month.month - first.month + 1 if paid is None or paid < month else 0
    taken = min([missed, *(charge.months_max for charge in tariff.charges if charge.monthly)])
    through = add_months(first, taken - 1) if taken else paid
    due = [(charge, taken if charge.monthly else 1) for charge in tariff.charges]
    return tuple((charge, count) for charge, count in due if count), through


def segments_from(tariff: Tariff, history: History, local: datetime) -> tuple[Segment, ...]:
    """Return the prices that the next purchase passes through, from its first watt-hour on."""
    if tariff.periods:
        return (_period_segment(tariff, local),)
    if tariff.basis == "average":
        # The average is over the whole window; months without a purchase count as nothing bought.
        average = Fraction(sum(history.recent_months_wh[: tariff.average_months]), tariff.average_months)
        number = next(
            index for index, block in enumerate(tariff.blocks) if block.limit_wh is None or average <= block.limit_wh
        )
        return (Segment(0, FOREVER_WH, tariff.blocks[number].rate, _label(tariff, number)),)
    used = history.year_wh if tariff.basis == "year" else history.month_wh
    segments, start = [], 0
    for index, block in enumerate(tariff.blocks):
        end = FOREVER_WH if block.limit_wh is None else block.limit_wh - used
        if end > start:
            segments.append(Segment(start, end, block.rate, _label(tariff, index)))
            start = end
    return tuple(segments)


def _period_segment(tariff: Tariff, local: datetime) -> Segment:
    shared = [(period.share, period.rate) for period in tariff.periods if period.share is not None]
    if shared:
        mixed = sum((share * rate for share, rate in shared), Fraction(0))
        return Segment(0, FOREVER_WH, mixed, "Energy, mixed price")
    period = next(p for p in tariff.periods if local.isoweekday() in p.weekdays and local.hour in p.hours)
    return Segment(0, FOREVER_WH, period.rate, f"Energy, {period.name}")


def _label(tariff: Tariff, index: int) -> str:
    return "Energy" if len(tariff.blocks) == 1 else f"Energy, block {index + 1}"
