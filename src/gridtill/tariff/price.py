"""
What an energy costs, item by item, and how much energy a sum of money pays for.

Charges with what is levied on them do not depend on the energy, and every kWh of a segment
costs the same with everything on it. So the cost is a chain of straight pieces, and its
inverse is found piece by piece with exact fractions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

from gridtill.kernel.rounding import Mode, round_fraction
from gridtill.tariff.document import Tariff
from gridtill.tariff.frame import Frame, Segment
from gridtill.tariff.terms import LineKind, NothingToBuy


@dataclass(frozen=True, slots=True)
class Item:
    """An exact amount in minor units on its way to becoming a line."""

    kind: LineKind
    code: str
    label: str
    exact: Fraction
    quantity_wh: int | None = None
    rate: Fraction | None = None


def priced(frame: Frame, wh: int) -> list[Item]:
    """Return every item that an energy costs, charges included, debts not."""
    items = _charge_items(frame)
    for segment in _touched(frame, wh):
        quantity = min(wh, segment.end) - segment.start
        exact = segment.rate * frame.places * quantity / 1000
        items.append(Item(LineKind.ENERGY, "energy", segment.label, exact, quantity, segment.rate))
    items += _passed_through(frame.tariff, frame.day, frame.places, wh)
    return _with_levies(frame.tariff, items, frame.places, wh)


def cost(frame: Frame, wh: int) -> Fraction:
    """Return what an energy costs with everything on it in minor units, debts aside."""
    total = standing(frame)
    for segment in _touched(frame, wh):
        total += (min(wh, segment.end) - segment.start) * _price_per_wh(frame, segment)
    return total


def standing(frame: Frame) -> Fraction:
    """Return what a purchase costs before its first watt-hour: charges and what is levied on them."""
    if not frame.charges:
        return Fraction(0)
    return _sum(_with_levies(frame.tariff, _charge_items(frame), frame.places, 0))


def most_energy(frame: Frame, money: int) -> int:
    """Return the most energy, in whole steps, that costs no more than the money; 0 if there is none."""
    left = money - standing(frame)
    if left < 0:
        return 0
    if frame.tariff.whole_volume:
        reached = [_reach_alone(frame, segment, left) for segment in frame.segments]
        return max(reached)
    wh = Fraction(0)
    for segment in frame.segments:
        price = _price_per_wh(frame, segment)
        length = segment.end - segment.start
        bought = min(Fraction(length), left / price)
        wh += bought
        left -= bought * price
    return _whole_steps(wh, frame.step_wh)


def least_cost(frame: Frame, wh: int) -> int:
    """
    Return the least whole money that pays for at least an energy.

    Where the whole volume takes the price of its last block and a later block is cheaper,
    more energy can cost less.
    """
    candidates = [cost(frame, wh)]
    if frame.tariff.whole_volume:
        beginnings = [_whole_steps(Fraction(part.start), frame.step_wh) + frame.step_wh for part in frame.segments]
        candidates += [cost(frame, first) for first in beginnings if first > wh]
    return round_fraction(min(candidates), Mode.UP)


def _reach_alone(frame: Frame, segment: Segment, left: Fraction) -> int:
    wh = min(Fraction(segment.end), left / _price_per_wh(frame, segment))
    steps = _whole_steps(wh, frame.step_wh)
    return steps if steps > segment.start else 0


def _whole_steps(wh: Fraction, step_wh: int) -> int:
    # Round energy down: rounding up could sell more than was paid for.
    return round_fraction(wh / step_wh, Mode.DOWN) * step_wh


def _touched(frame: Frame, wh: int) -> list[Segment]:
    touched = [segment for segment in frame.segments if segment.start < wh]
    if frame.tariff.whole_volume and touched:
        last = touched[-1]
        return [Segment(0, wh, last.rate, last.label)]
    return touched


def _price_per_wh(frame: Frame, segment: Segment) -> Fraction:
    price = price_per_wh(frame.tariff, segment.rate, frame.day, frame.places)
    if price <= 0:
        raise NothingToBuy(
            "{tariff} gives energy away: its rebates are more than its price.",
            tariff=frame.tariff.code,
            remedy="Have the tariff corrected.",
        )
    return price


@lru_cache(maxsize=4096)
def price_per_wh(tariff: Tariff, rate: Fraction, day: date, places: int) -> Fraction:
    """Return what one more watt-hour costs on a day in minor units, at an energy rate and with everything on it."""
    energy = Item(LineKind.ENERGY, "energy", "", rate * places)
    items = [energy, *_passed_through(tariff, day, places, 1000)]
    return _sum(_with_levies(tariff, items, places, 1000)) / 1000


def _sum(items: Iterable[Item]) -> Fraction:
    return sum((item.exact for item in items), Fraction(0))


def _charge_items(frame: Frame) -> list[Item]:
    items = []
    for charge, count in frame.charges:
        label = charge.label if count == 1 else f"{charge.label} × {count}"
        items.append(Item(LineKind.CHARGE, charge.code, label, Fraction(charge.amount_minor * count)))
    return items


def _passed_through(tariff: Tariff, day: date, places: int, wh: int) -> list[Item]:
    items = []
    for passed in tariff.pass_throughs:
        rate = passed.rate_on(day)
        if rate:
            exact = rate * places * wh / 1000
            items.append(Item(LineKind.PASS_THROUGH, passed.code, passed.label, exact, wh, rate))
    return items


def _with_levies(tariff: Tariff, items: list[Item], places: int, wh: int) -> list[Item]:
    """Add taxes and levies; an included one is taken out of the price of its bases instead."""
    result = list(items)
    for levy in tariff.levies:
        kind = LineKind.TAX if levy.is_tax else LineKind.LEVY
        base = _sum(item for item in result if item.code in levy.bases)
        if levy.included:
            share = 1 / (1 + levy.percent)
            result = [_scaled(item, share) if item.code in levy.bases else item for item in result]
            amount = base - base * share
        else:
            amount = base * levy.percent + levy.per_kwh * places * wh / 1000
        if amount and not (levy.is_tax and tariff.is_tax_free):
            per_kwh = levy.per_kwh if levy.per_kwh and not levy.percent else None
            result.append(Item(kind, levy.code, levy.label, amount, wh if per_kwh else None, per_kwh))
    return result


def _scaled(item: Item, share: Fraction) -> Item:
    rate = item.rate * share if item.rate is not None else None
    return Item(item.kind, item.code, item.label, item.exact * share, item.quantity_wh, rate)
