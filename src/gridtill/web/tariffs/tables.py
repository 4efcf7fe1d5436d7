"""A tariff in words and numbers that a person reads in a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import unified_diff
from fractions import Fraction
from typing import Any

from django.utils.dates import MONTHS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gridtill.kernel.energy import format_kwh
from gridtill.tariff.document import Charge, Levy, PassThrough, Period, Tariff, Vector
from gridtill.tariff.vectors import check_vectors
from gridtill.web.templatetags.gridtill import amount, grouped, kwh


@dataclass(frozen=True, slots=True)
class Item:
    """Something besides the energy itself that a purchase pays."""

    code: str
    label: str
    kind: str
    worth: str
    how: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A worked figure; ``failures`` is empty when the tariff reproduces it."""

    name: str
    given: str
    expected: str
    published: bool
    failures: tuple[str, ...]


def plain(value: Fraction) -> str:
    """
    Write a rate with all its decimals, at least two.

    >>> plain(Fraction("12.5")), plain(Fraction("0.0012")), plain(Fraction(20))
    ('12.50', '0.0012', '20.00')
    """
    whole, _point, part = f"{Decimal(value.numerator) / Decimal(value.denominator):f}".partition(".")
    return grouped(f"{whole}.{part.rstrip('0').ljust(2, '0')}")


def percent(share: Fraction) -> str:
    """
    Write a share of one in percent.

    >>> percent(Fraction("0.16")), percent(Fraction("0.025")), percent(Fraction("-0.5"))
    ('16 %', '2.5 %', '-50 %')
    """
    scaled = share * 100
    return f"{(Decimal(scaled.numerator) / Decimal(scaled.denominator)).normalize():f} %"


def block_rows(tariff: Tariff) -> list[tuple[str, str]]:
    """Return the blocks of a tariff as (energy from and to, rate)."""
    rows, start = [], 0
    for block in tariff.blocks:
        if block.limit_wh is None:
            words = _("above %(from)s kWh") % {"from": kwh(start)} if start else _("all energy")
        else:
            words = _("%(from)s to %(to)s kWh") % {"from": kwh(start), "to": kwh(block.limit_wh)}
            start = block.limit_wh
        rows.append((words, plain(block.rate)))
    return rows


def basis_in_words(tariff: Tariff) -> str:
    """Say over which energy the blocks of a tariff are counted, empty if it has none."""
    if tariff.periods or len(tariff.blocks) < 2:
        return ""
    if tariff.basis == "average":
        words = ngettext(
            "The average of the last %(count)d month chooses one price for all energy.",
            "The average of the last %(count)d months chooses one price for all energy.",
            tariff.average_months,
        )
        return words % {"count": tariff.average_months}
    month, day = tariff.year_reset
    year = _("Counted by year, beginning on %(day)d %(month)s.") % {"day": day, "month": MONTHS[month]}
    counted = year if tariff.basis == "year" else _("Counted by calendar month.")
    if tariff.whole_volume:
        return counted + " " + _("The block that a purchase ends in prices all of it.")
    return counted + " " + _("Each block prices its own part.")


def period_rows(tariff: Tariff) -> list[tuple[str, str, str, str, str]]:
    """Return the periods of a tariff as (name, days, hours, share, rate)."""
    return [
        (item.name, _days(item), _hours(item), "" if item.share is None else percent(item.share), plain(item.rate))
        for item in tariff.periods
    ]


def item_rows(tariff: Tariff, currency: str) -> list[Item]:
    """Return charges, rates passed through, taxes and levies in the order in which they are worked out."""
    names = {"energy": _("energy")}
    items: tuple[Charge | PassThrough | Levy, ...] = (*tariff.charges, *tariff.pass_throughs, *tariff.levies)
    names |= {item.code: item.label for item in items}
    rows = [_charge(item, currency) for item in tariff.charges]
    rows += [_passed(item) for item in tariff.pass_throughs]
    return rows + [_levy(item, names) for item in tariff.levies]


def limit_rows(tariff: Tariff) -> list[tuple[str, str]]:
    """Return what a purchase is bounded by as (what, how much)."""
    currency = tariff.currency
    rows = [
        (_("Least money"), f"{currency} {amount(tariff.minimum_minor, currency)}" if tariff.minimum_minor else ""),
        (_("Most money"), f"{currency} {amount(tariff.maximum_minor, currency)}" if tariff.maximum_minor else ""),
        (_("Least energy"), f"{kwh(tariff.minimum_wh)} kWh" if tariff.minimum_wh else ""),
        (_("Most energy"), f"{kwh(tariff.maximum_wh)} kWh" if tariff.maximum_wh else ""),
        (_("Debts"), _("taken before the charges") if tariff.debts_first else _("taken after the charges")),
    ]
    return [(label, value) for label, value in rows if value]


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line of a comparison; ``sign`` is + for new, - for old, and empty for what stayed."""

    sign: str
    text: str


def changed_lines(old: str, new: str) -> list[ChangedLine]:
    """
    Compare two documents, with two lines around each change.

    >>> [f"{line.sign}{line.text}" for line in changed_lines("a\\nb", "a\\nc")]
    ['a', '-b', '+c']
    """
    lines = list(unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=2))[2:]
    kept = [line for line in lines if not line.startswith("@@")]
    return [ChangedLine(line[0].strip(), line[1:]) for line in kept]


def figure_rows(tariff: Tariff) -> list[Figure]:
    """Return the worked figures of a tariff, and what it makes of each."""
    return [_figure(tariff, vector) for vector in tariff.vectors]


def _figure(tariff: Tariff, vector: Vector) -> Figure:
    failures = check_vectors(replace(tariff, vectors=(vector,)))
    given = f"{tariff.currency} {vector.money}" if vector.money is not None else f"{vector.energy_kwh} kWh"
    history = "; ".join(
        f"{key.removesuffix('_kwh').replace('_', ' ')} {_value(vector.history[key])}" for key in vector.history
    )
    expected = [f"{vector.expect_energy_kwh} kWh"] if vector.expect_energy_kwh is not None else []
    expected += [f"{tariff.currency} {vector.expect_money}"] if vector.expect_money is not None else []
    expected += [f"{code} {text}" for code, text in vector.expect_lines.items()]
    expected += [_("%(money)s carried") % {"money": vector.expect_carry}] if vector.expect_carry is not None else []
    return Figure(
        vector.name,
        f"{given} ({history})" if history else given,
        ", ".join(expected),
        vector.published,
        tuple(
            _("expected %(expected)s, found %(found)s") % {"expected": item.expected, "found": item.found}
            for item in failures
        ),
    )


def _value(value: Any) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _charge(item: Charge, currency: str) -> Item:
    how = _("with every purchase")
    if item.monthly:
        words = ngettext(
            "every month, at most %(count)d month at once",
            "every month, at most %(count)d months at once",
            item.months_max,
        )
        how = words % {"count": item.months_max}
    return Item(item.code, item.label, _("Charge"), amount(item.amount_minor, currency), how)


def _passed(item: PassThrough) -> Item:
    months = "; ".join(f"{first:%Y-%m} {plain(rate)}" for first, rate in item.rates)
    latest = plain(item.rates[-1][1]) if item.rates else plain(Fraction(0))
    return Item(
        item.code,
        item.label,
        _("Passed through"),
        f"{latest} / kWh",
        _("by month: %(months)s") % {"months": months or "–"},
    )


def _levy(item: Levy, names: dict[str, str]) -> Item:
    parts = [percent(item.percent)] if item.percent else []
    parts += [f"{plain(item.per_kwh)} / kWh"] if item.per_kwh else []
    bases = ", ".join(names[code] for code in item.bases)
    how = _("of %(bases)s") % {"bases": bases} if item.percent else _("for all energy")
    if item.included:
        how = _("%(how)s, in the price already") % {"how": how}
    kind = _("Tax") if item.is_tax else _("Levy")
    return Item(item.code, item.label, kind, " + ".join(parts) or percent(Fraction(0)), how)


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return sorted numbers as runs of (first, last)."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _days(period: Period) -> str:
    if len(period.weekdays) == 7:
        return _("every day")
    names = {number: str(WEEKDAYS_ABBR[number - 1]) for number in period.weekdays}
    return ", ".join(
        names[first] if first == last else f"{names[first]}–{names[last]}" for first, last in _runs(period.weekdays)
    )


def _hours(period: Period) -> str:
    if len(period.hours) == 24:
        return _("all day")
    return ", ".join(f"{first:02d}:00–{last + 1:02d}:00" for first, last in _runs(period.hours))


def quantity_in_words(wh: int, rate: str) -> str:
    """
    Write how much of a line was bought at which rate.

    >>> quantity_in_words(32_200, "2.50")
    '32.2 kWh × 2.50'
    """
    return f"{format_kwh(wh)} kWh × {rate}"
