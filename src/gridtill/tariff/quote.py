"""
Quotes: how money becomes energy and energy money, exactly, line by line.

Within a block everything that a kWh costs (price, pass-through rates, taxes, levies) is
linear, so the inverse is found block by block and never by trial. Energy is floored to the
carrier's step; what the rest is worth is carried. Lines sum to the tender, always.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from fractions import Fraction
from zoneinfo import ZoneInfo

from gridtill.kernel.clock import add_months, business_day, month_start
from gridtill.kernel.energy import Energy
from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import Money, exponent, format_minor
from gridtill.kernel.rounding import Mode, round_fraction, share_out
from gridtill.tariff.document import Charge, Tariff

_FOREVER_WH = 10**15


class LineKind(Enum):
    """What a line of a quote is for."""

    ENERGY = "ENERGY"
    CHARGE = "CHARGE"
    TAX = "TAX"
    LEVY = "LEVY"
    PASS_THROUGH = "PASS_THROUGH"  # noqa: S105 - a price component
    DEBT = "DEBT"
    CARRY = "CARRY"
    ROUNDING = "ROUNDING"


class BelowMinimum(Refusal):
    """The money does not buy a single step of energy, or is under the tariff's minimum."""

    code = "amount_too_small"


class AboveMaximum(Refusal):
    """The purchase is above the tariff's maximum."""

    code = "amount_too_large"


class CurrencyMismatch(Refusal):
    """The money is in another currency than the tariff."""

    code = "currency_mismatch"


class NotYetValid(Refusal):
    """The tariff does not apply yet."""

    code = "tariff_not_valid"


@dataclass(frozen=True, slots=True)
class History:
    """
    What was bought before: watt-hours in the running month and year, and in the months before, newest first.

    ``charged_through`` is the first day of the last month whose periodic charges were paid.
    """

    month_wh: int = 0
    year_wh: int = 0
    recent_months_wh: tuple[int, ...] = ()
    charged_through: date | None = None
    account_opened: date | None = None
    carry_minor: int = 0


@dataclass(frozen=True, slots=True)
class Deduction:
    """
    A debt to recover: ``kind`` percent (``value`` a fraction of the base) or fixed (minor units).

    ``base`` is ``tender`` or ``after_charges``; never more than ``remaining_minor`` is taken.
    """

    code: str
    label: str
    kind: str
    value: Fraction
    remaining_minor: int
    base: str = "tender"
    priority: int = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a quote; ``rate`` is a decimal string of currency units per kWh."""

    kind: LineKind
    code: str
    label: str
    amount_minor: int
    quantity_wh: int | None = None
    rate: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """
    What a tender buys; ``sum(line.amount_minor) == tender_minor`` holds for every quote.

    ``carry_after`` is money that waits for the next purchase; ``charged_through`` the
    month up to which periodic charges are paid afterwards.
    """

    tender_minor: int
    currency: str
    energy_wh: int
    lines: tuple[Line, ...]
    carry_before: int
    carry_after: int
    tariff_code: str
    charged_through: date | None

    def total(self, kind: LineKind) -> int:
        """Return the sum of the lines of a kind, in minor units."""
        return sum(line.amount_minor for line in self.lines if line.kind is kind)


@dataclass(frozen=True, slots=True)
class _Item:
    """An exact amount on its way to becoming a line, in minor units."""

    kind: LineKind
    code: str
    label: str
    exact: Fraction
    quantity_wh: int | None = None
    rate: Fraction | None = None


@dataclass(frozen=True, slots=True)
class _Segment:
    """Energy from ``start`` to ``end`` (Wh of this purchase) at one price."""

    start: int
    end: int
    rate: Fraction
    label: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """A tariff at a moment for an account: what a quote in either direction works from."""

    tariff: Tariff
    history: History
    day: date
    segments: tuple[_Segment, ...]
    places: int
    step_wh: int
    charges: tuple[tuple[Charge, int], ...] = ()
    charged_through: date | None = None
    deductions: tuple[Deduction, ...] = field(default=())


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
    :raises AboveMaximum: above the tariff's maximum
    :raises CurrencyMismatch: if the money is in another currency
    :raises NotYetValid: before the tariff's first day
    """
    frame = _frame(tariff, history, at, step_wh, deductions, zone)
    if money.currency != tariff.currency:
        raise CurrencyMismatch(f"This tariff is in {tariff.currency}, not {money.currency}.", field="amount")
    if tariff.maximum_minor is not None and money.minor > tariff.maximum_minor:
        most = format_minor(tariff.maximum_minor, tariff.currency)
        raise AboveMaximum(f"The most for one purchase is {tariff.currency} {most}.", field="amount")
    quote = _buy(frame, money.minor, floor_wh)
    if quote is None or money.minor < tariff.minimum_minor:
        least = max(_money_for(frame, step_wh), tariff.minimum_minor)
        raise BelowMinimum(
            f"The smallest purchase now is {tariff.currency} {format_minor(least, tariff.currency)}.",
            remedy=f"Pay at least {format_minor(least, tariff.currency)}.",
            field="amount",
        )
    return quote


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

    :raises BelowMinimum: if no energy is asked for
    """
    if energy.wh <= 0:
        raise BelowMinimum("Ask for more than nothing.", field="energy")
    frame = _frame(tariff, history, at, step_wh, deductions, zone)
    wanted = -(-energy.wh // step_wh) * step_wh
    needed = max(_money_for(frame, wanted), tariff.minimum_minor)
    return quote_money(
        tariff, history, Money(needed, tariff.currency), at, step_wh=step_wh, deductions=deductions, zone=zone
    )


def _frame(
    tariff: Tariff, history: History, at: datetime, step_wh: int, deductions: Sequence[Deduction], zone: ZoneInfo
) -> _Frame:
    day = business_day(at, zone)
    if day < tariff.valid_from:
        raise NotYetValid(f"{tariff.code} applies from {tariff.valid_from:%d %b %Y}.")
    local = at.astimezone(zone)
    charges, through = _charges_due(tariff, history, day)
    return _Frame(
        tariff=tariff,
        history=history,
        day=day,
        segments=_segments(tariff, history, local),
        places=10 ** exponent(tariff.currency),
        step_wh=step_wh,
        charges=charges,
        charged_through=through,
        deductions=tuple(sorted(deductions, key=lambda item: item.priority)),
    )


def _charges_due(tariff: Tariff, history: History, day: date) -> tuple[tuple[tuple[Charge, int], ...], date | None]:
    """Count how often each charge is due: monthly ones for every month not paid yet, up to their cap."""
    month = month_start(day)
    first = month
    if history.charged_through is not None:
        first = add_months(month_start(history.charged_through), 1)
    elif history.account_opened is not None:
        first = month_start(history.account_opened)
    missed = max(0, (month.year - first.year) * 12 + month.month - first.month + 1)
    monthly = [charge for charge in tariff.charges if charge.monthly]
    taken = min([missed, *(charge.months_max for charge in monthly)])
    through = add_months(first, taken - 1) if taken else history.charged_through
    due = [(charge, taken if charge.monthly else 1) for charge in tariff.charges]
    return tuple((charge, count) for charge, count in due if count), through


def _segments(tariff: Tariff, history: History, local: datetime) -> tuple[_Segment, ...]:
    if tariff.periods:
        period = next(p for p in tariff.periods if local.isoweekday() in p.weekdays and local.hour in p.hours)
        return (_Segment(0, _FOREVER_WH, period.rate, period.name),)
    if tariff.basis == "average":
        recent = history.recent_months_wh[: tariff.average_months]
        # The average is over the whole window; months before the account count as nothing bought.
        average = Fraction(sum(recent), tariff.average_months)
        number = next(
            index for index, block in enumerate(tariff.blocks) if block.limit_wh is None or average <= block.limit_wh
        )
        return (_Segment(0, _FOREVER_WH, tariff.blocks[number].rate, _name(tariff, number)),)
    used = history.year_wh if tariff.basis == "year" else history.month_wh
    segments, start = [], 0
    for index, block in enumerate(tariff.blocks):
        end = _FOREVER_WH if block.limit_wh is None else max(0, block.limit_wh - used)
        if end > start:
            segments.append(_Segment(start, end, block.rate, _name(tariff, index)))
            start = end
    return tuple(segments)


def _name(tariff: Tariff, index: int) -> str:
    return "Energy" if len(tariff.blocks) == 1 else f"Energy, block {index + 1}"


def _energy_items(frame: _Frame, wh: int) -> list[_Item]:
    """Price an energy: a line a block, or in whole-volume mode all of it at the last block's price."""
    touched = [segment for segment in frame.segments if segment.start < wh] or list(frame.segments[:1])
    if frame.tariff.whole_volume:
        last = touched[-1]
        touched = [_Segment(0, wh, last.rate, last.label)]
    items = []
    for segment in touched:
        quantity = min(wh, segment.end) - segment.start
        exact = segment.rate * frame.places * quantity / 1000
        items.append(_Item(LineKind.ENERGY, "energy", segment.label, exact, quantity, segment.rate))
    for rate in frame.tariff.pass_throughs:
        price = rate.rate_on(frame.day)
        if price:
            exact = price * frame.places * wh / 1000
            items.append(_Item(LineKind.PASS_THROUGH, rate.code, rate.label, exact, wh, price))
    return items


def _with_levies(frame: _Frame, items: list[_Item], wh: int) -> list[_Item]:
    """Add taxes and levies; an included one is taken out of the price of its bases instead."""
    result = list(items)
    for levy in frame.tariff.levies:
        kind = LineKind.TAX if levy.is_tax else LineKind.LEVY
        based = [item for item in result if item.code in levy.bases]
        base = sum((item.exact for item in based), Fraction(0))
        if levy.included:
            share = 1 / (1 + levy.percent)
            result = [_scaled(item, share) if item in based else item for item in result]
            amount = base - base * share
        else:
            amount = base * levy.percent + levy.per_kwh * frame.places * wh / 1000
        if amount:
            result.append(_Item(kind, levy.code, levy.label, amount))
    return result


def _scaled(item: _Item, share: Fraction) -> _Item:
    rate = item.rate * share if item.rate is not None else None
    return _Item(item.kind, item.code, item.label, item.exact * share, item.quantity_wh, rate)


def _charge_items(frame: _Frame) -> list[_Item]:
    items = []
    for charge, count in frame.charges:
        label = charge.label if count == 1 else f"{charge.label} × {count}"
        items.append(_Item(LineKind.CHARGE, charge.code, label, Fraction(charge.amount_minor * count)))
    return items


def _priced(frame: _Frame, wh: int) -> list[_Item]:
    return _with_levies(frame, _charge_items(frame) + _energy_items(frame, wh), wh)


def _cost(frame: _Frame, wh: int) -> Fraction:
    """Return what an energy costs with everything on it, charges included, debts not."""
    return sum((item.exact for item in _priced(frame, wh)), Fraction(0))


def _most_energy(frame: _Frame, money: int) -> int:
    """Return the most energy, in whole steps, that costs no more than the money; -1 if charges alone cost more."""
    if _cost(frame, 0) > money:
        return -1
    best = 0
    for segment in frame.segments:
        # Two points inside the segment give its line; the first lies just past its start.
        near, far = segment.start + 1, segment.start + 1001
        low, high = _line_cost(frame, segment, near), _line_cost(frame, segment, far)
        slope = (high - low) / (far - near)
        if slope <= 0:
            continue
        reach = near + (money - low) / slope
        most = min(Fraction(segment.end), reach)
        steps = (most.numerator // most.denominator) // frame.step_wh * frame.step_wh
        if steps > segment.start and steps > best:
            best = steps
    return best


def _line_cost(frame: _Frame, segment: _Segment, wh: int) -> Fraction:
    """Return the cost as the segment's own line has it, even beyond the segment's end."""
    if wh <= segment.end:
        return _cost(frame, wh)
    open_ended = [item for item in frame.segments if item.end <= segment.start]
    stretched = _Segment(segment.start, _FOREVER_WH, segment.rate, segment.label)
    return _cost(
        _Frame(
            frame.tariff,
            frame.history,
            frame.day,
            (*open_ended, stretched),
            frame.places,
            frame.step_wh,
            frame.charges,
            frame.charged_through,
            frame.deductions,
        ),
        wh,
    )


def _charges_minor(frame: _Frame) -> int:
    return round_fraction(_cost(frame, 0), Mode.UP)


def _debts(frame: _Frame, tender: int) -> list[tuple[Deduction, int]]:
    """Return what each debt takes of a tender, in order, never more than is left after charges."""
    left = max(0, tender - _charges_minor(frame))
    base_after = left
    taken = []
    for debt in frame.deductions:
        if debt.kind == "percent":
            base = tender if debt.base == "tender" else base_after
            wanted = round_fraction(debt.value * base, Mode.DOWN)
        else:
            wanted = round_fraction(debt.value, Mode.DOWN)
        amount = min(wanted, debt.remaining_minor, left)
        left -= amount
        taken.append((debt, amount))
    return taken


def _buy(frame: _Frame, tender: int, floor_wh: Callable[[int], int] | None) -> Quote | None:
    debts = [(debt, amount) for debt, amount in _debts(frame, tender) if amount]
    available = tender + frame.history.carry_minor - sum(amount for _debt, amount in debts)
    wh = _most_energy(frame, available)
    if floor_wh is not None and wh > 0:
        wh = floor_wh(wh)
    if wh <= 0:
        return None
    items = _priced(frame, wh)
    exact = sum((item.exact for item in items), Fraction(0))
    cost = min(round_fraction(exact), available)
    lines = [
        Line(
            item.kind,
            item.code,
            item.label,
            amount,
            item.quantity_wh,
            _decimal(item.rate) if item.rate is not None else None,
        )
        for item, amount in zip(items, share_out(cost, [item.exact for item in items]), strict=True)
    ]
    lines += [
        Line(LineKind.DEBT, debt.code, debt.label, amount, detail=str(debt.remaining_minor - amount))
        for debt, amount in debts
    ]
    carry_after = available - cost
    if frame.history.carry_minor:
        lines.append(Line(LineKind.CARRY, "carry_in", "Carried from the last purchase", -frame.history.carry_minor))
    if carry_after:
        lines.append(Line(LineKind.CARRY, "carry_out", "Carried to the next purchase", carry_after))
    return Quote(
        tender_minor=tender,
        currency=frame.tariff.currency,
        energy_wh=wh,
        lines=tuple(lines),
        carry_before=frame.history.carry_minor,
        carry_after=carry_after,
        tariff_code=frame.tariff.code,
        charged_through=frame.charged_through,
    )


def _decimal(rate: Fraction) -> str:
    """Write a rate with at least two and at most six decimals."""
    scaled = round_fraction(rate * 10**6)
    text = f"{scaled // 10**6}.{scaled % 10**6:06d}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"


def _money_for(frame: _Frame, wh: int) -> int:
    """
    Return the least tender whose debts leave enough for an energy.

    What a tender leaves after its debts rises along straight pieces between the points
    where a debt is paid off, so the answer lies on one piece or at the start of the next.
    """
    needed = round_fraction(_cost(frame, wh), Mode.UP) - frame.history.carry_minor
    if not frame.deductions:
        return max(needed, 0)
    low, high = max(needed, 0), max(needed, 0) + sum(debt.remaining_minor for debt in frame.deductions)
    shares = sum((debt.value for debt in frame.deductions if debt.kind == "percent"), Fraction(0))
    fixed = sum(
        min(round_fraction(d.value, Mode.DOWN), d.remaining_minor) for d in frame.deductions if d.kind != "percent"
    )
    if shares < 1:
        high = min(high, round_fraction((low + fixed) / (1 - shares), Mode.UP) + len(frame.deductions))
    return _least(frame, needed, low, high)


def _least(frame: _Frame, needed: int, low: int, high: int) -> int:
    """Halve the whole-number interval in which the least tender lies; what is left never falls as it grows."""
    while low < high:
        middle = (low + high) // 2
        left = middle - sum(amount for _debt, amount in _debts(frame, middle))
        if left >= needed:
            high = middle
        else:
            low = middle + 1
    return low
