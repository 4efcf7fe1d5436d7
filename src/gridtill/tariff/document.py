"""
A tariff is a TOML document with its own test vectors; docs/algorithms/tariff.md explains each key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import exponent


class TariffInvalid(Refusal):
    """A tariff document cannot be read; the message names the place."""

    code = "tariff_invalid"


@dataclass(frozen=True, slots=True)
class Block:
    """Energy up to ``limit_wh`` of the window (None: all above) at ``rate`` in currency units per kWh."""

    limit_wh: int | None
    rate: Fraction


@dataclass(frozen=True, slots=True)
class Period:
    """
    A time-of-use price: ``hours`` of the day on ``weekdays`` (1 is Monday).

    ``share`` is the part of all energy that is expected in it, where the tariff sells at
    one mixed price instead of at the price of the moment of purchase.
    """

    name: str
    weekdays: frozenset[int]
    hours: frozenset[int]
    rate: Fraction
    share: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount due once a month, for at most ``months_max`` months at once, or with every purchase."""

    code: str
    label: str
    amount_minor: int
    monthly: bool
    months_max: int


@dataclass(frozen=True, slots=True)
class PassThrough:
    """A rate per kWh that changes by month: (first day, rate), sorted."""

    code: str
    label: str
    rates: tuple[tuple[date, Fraction], ...]

    def rate_on(self, day: date) -> Fraction:
        """Return the rate of the last month that began by a day, zero before the first."""
        found = Fraction(0)
        for first, rate in self.rates:
            if first <= day:
                found = rate
        return found


@dataclass(frozen=True, slots=True)
class Levy:
    """A tax or levy: ``percent`` of its bases (item codes), or ``per_kwh``; ``included`` when the prices hold it."""

    code: str
    label: str
    is_tax: bool
    percent: Fraction
    per_kwh: Fraction
    bases: tuple[str, ...]
    included: bool


@dataclass(frozen=True, slots=True)
class Vector:
    """
    A worked figure that the tariff must reproduce exactly.

    ``published`` tells a figure that somebody printed from one of our own. ``expect_lines``
    gives what the lines of an item code must add up to.
    """

    name: str
    at: datetime
    money: str | None
    energy_kwh: str | None
    expect_money: str | None
    expect_energy_kwh: str | None
    history: Mapping[str, Any] = field(default_factory=dict)
    expect_lines: Mapping[str, str] = field(default_factory=dict)
    expect_carry: str | None = None
    step_wh: int = 100
    published: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tariff:
    """
    A price list as its document says it.

    Two readings of one document are different objects, and an object is its own key in a cache.
    """

    code: str
    title: str
    currency: str
    price_class: str
    valid_from: date
    source: str
    basis: str
    whole_volume: bool
    blocks: tuple[Block, ...]
    periods: tuple[Period, ...]
    average_months: int
    year_reset: tuple[int, int]
    charges: tuple[Charge, ...]
    pass_throughs: tuple[PassThrough, ...]
    levies: tuple[Levy, ...]
    minimum_minor: int
    maximum_minor: int | None
    vectors: tuple[Vector, ...]
    source_url: str = ""
    source_note: str = ""
    zone: str | None = None
    minimum_wh: int = 0
    maximum_wh: int | None = None
    debts_first: bool = False
    is_tax_free: bool = False


@lru_cache(maxsize=512)
def tax_free(tariff: Tariff) -> Tariff:
    """Return a tariff as customers pay it who owe no tax; a tax that the prices hold is taken out of them."""
    return replace(tariff, is_tax_free=True)


_TOP = {
    "code", "title", "currency", "price_class", "valid_from", "zone", "source", "energy", "charges", "pass_through",
    "levies", "purchase", "vectors",
}  # fmt: skip
_PURCHASE = {"minimum", "maximum", "minimum_kwh", "maximum_kwh", "debts"}
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,12})?", re.ASCII)


class _Reader:
    """Walks a parsed document and names the place of whatever is wrong."""

    def __init__(self, data: Mapping[str, Any], place: str, known: set[str]) -> None:
        unknown = sorted(set(data) - known)
        if unknown:
            raise TariffInvalid(f"{place}{unknown[0]} is not a key of a tariff.", field="document")
        self.data, self.place = data, place

    def fail(self, key: str, words: str) -> TariffInvalid:
        return TariffInvalid(f"{self.place}{key} {words}.", field="document")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.data.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()) or len(value) > 300:
            raise self.fail(key, "must be text of at most 300 characters")
        return value

    def code(self, key: str) -> str:
        value = self.text(key)
        if _CODE.fullmatch(value) is None:
            raise self.fail(key, "must be up to 40 letters, digits, dots, dashes and underscores")
        return value

    def number(self, key: str, default: int | None = None, *, least: int = 0, most: int = 10**12) -> int:
        value = self.data.get(key, default)
        if type(value) is not int or not least <= value <= most:
            raise self.fail(key, f"must be a whole number from {least} to {most}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "must be true or false")
        return value

    def decimal(self, key: str, default: str | None = None, *, least: int | None = None) -> Fraction:
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise self.fail(key, 'must be a decimal number in quotes, such as "2.50"')
        if _DECIMAL.fullmatch(value) is None:
            raise self.fail(key, f"must be a plain decimal number, not {value[:40]!r}")
        number = Fraction(value)
        if least is not None and number <= least:
            raise self.fail(key, f"must be more than {least}")
        return number

    def day(self, key: str) -> date:
        value = self.data.get(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fail(key, "must be a date such as 2026-01-01")
        return value

    def tables(self, key: str) -> list[Mapping[str, Any]]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value) or len(value) > 500:
            raise self.fail(key, "must be a list of tables")
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(key, "must be a table")
        return value


def parse_month(text: str) -> date | None:
    """
    Return the first day of a month that is written like 2026-11, or None if it is not.

    >>> parse_month("2026-11"), parse_month("11/2026")
    (datetime.date(2026, 11, 1), None)
    """
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text, re.ASCII) is None:
        return None
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


def load_tariff(text: str) -> Tariff:
    """
    Read a tariff document; every key is checked and unknown ones are refused.

    :raises TariffInvalid: naming the place that is wrong
    """
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TariffInvalid(f"The document is not TOML: {error}.", field="document") from None
    top = _Reader(data, "", _TOP)
    currency = top.text("currency")
    if re.fullmatch("[A-Z]{3}", currency) is None:
        raise top.fail("currency", "must be an ISO 4217 code such as KES")
    source = _Reader(top.table("source"), "source.", {"name", "url", "note"})
    places = 10 ** exponent(currency)
    tariff = Tariff(
        code=top.code("code"),
        title=top.text("title"),
        currency=currency,
        price_class=top.text("price_class"),
        valid_from=top.day("valid_from"),
        source=source.text("name"),
        source_url=source.text("url", ""),
        source_note=source.text("note", ""),
        zone=_zone(top),
        charges=tuple(_charge(item, index, places) for index, item in enumerate(top.tables("charges"))),
        pass_throughs=tuple(_pass_through(item, index) for index, item in enumerate(top.tables("pass_through"))),
        levies=tuple(_levy(item, index) for index, item in enumerate(top.tables("levies"))),
        vectors=tuple(_vector(item, index) for index, item in enumerate(top.tables("vectors"))),
        **_purchase(_Reader(top.table("purchase"), "purchase.", _PURCHASE), places),
        **_energy(top.table("energy")),
    )
    _check_codes(tariff)
    return tariff


def _zone(top: _Reader) -> str | None:
    if "zone" not in top.data:
        return None
    name = top.text("zone")
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise top.fail("zone", f"must be a time zone such as Africa/Nairobi, not {name[:40]!r}") from None
    return name


def _purchase(reader: _Reader, places: int) -> dict[str, Any]:
    debts = reader.text("debts", "after_charges")
    if debts not in {"after_charges", "first"}:
        raise reader.fail("debts", "must be after_charges or first")
    bounds = {
        "minimum_minor": _minor(reader.decimal("minimum", "0"), places, reader, "minimum"),
        "maximum_minor": _minor(reader.decimal("maximum"), places, reader, "maximum")
        if "maximum" in reader.data
        else None,
        "minimum_wh": _minor(reader.decimal("minimum_kwh", "0"), 1000, reader, "minimum_kwh"),
        "maximum_wh": _minor(reader.decimal("maximum_kwh"), 1000, reader, "maximum_kwh")
        if "maximum_kwh" in reader.data
        else None,
    }
    return {**bounds, "debts_first": debts == "first"}


def _check_codes(tariff: Tariff) -> None:
    """Make sure that every item has a code of its own and that levies rest on items before them."""
    known = {"energy"}
    for index, charge in enumerate(tariff.charges):
        _claim(known, charge.code, f"charges[{index}].code")
    for index, passed in enumerate(tariff.pass_throughs):
        _claim(known, passed.code, f"pass_through[{index}].code")
    for index, levy in enumerate(tariff.levies):
        unknown = sorted(set(levy.bases) - known)
        if unknown:
            raise TariffInvalid(
                f"levies[{index}].bases names {unknown[0][:40]!r}, which is no item before it.", field="document"
            )
        _claim(known, levy.code, f"levies[{index}].code")


def _claim(known: set[str], code: str, place: str) -> None:
    # Codes of debts and carried money share the lines with items, and ledger accounts are made of them.
    if code in known or code in {"carry_in", "carry_out"} or code.startswith("debt."):
        raise TariffInvalid(f"{place} {code} is used already.", field="document")
    known.add(code)


def _minor(value: Fraction, places: int, reader: _Reader, key: str) -> int:
    minor = value * places
    if minor.denominator != 1 or minor < 0:
        raise reader.fail(key, "must not be negative or finer than the smallest unit")
    return minor.numerator


_ENERGY = {"kind", "rate", "basis", "whole_volume", "blocks", "periods", "average_months", "year_reset"}


def _energy(data: Mapping[str, Any]) -> dict[str, Any]:
    reader = _Reader(data, "energy.", _ENERGY)
    kind = reader.text("kind")
    if kind not in {"flat", "blocks", "time_of_use"}:
        raise reader.fail("kind", "must be flat, blocks or time_of_use")
    basis = reader.text("basis", "month")
    if basis not in {"month", "year", "average"}:
        raise reader.fail("basis", "must be month, year or average")
    blocks = _blocks(reader) if kind == "blocks" else ()
    if kind == "flat":
        blocks = (Block(None, reader.decimal("rate", least=0)),)
    reset = reader.text("year_reset", "01-01")
    try:
        first = date.fromisoformat(f"2001-{reset}")
    except ValueError:
        raise reader.fail("year_reset", "must be month and day, such as 07-01") from None
    return {
        "basis": basis,
        "whole_volume": reader.flag("whole_volume", default=basis == "average"),
        "blocks": blocks,
        "periods": _periods(reader) if kind == "time_of_use" else (),
        "average_months": reader.number("average_months", 3, least=1, most=36),
        "year_reset": (first.month, first.day),
    }


def _blocks(reader: _Reader) -> tuple[Block, ...]:
    blocks, last = [], 0
    items = reader.tables("blocks")
    for index, item in enumerate(items):
        inner = _Reader(item, f"energy.blocks[{index}].", {"up_to_kwh", "rate"})
        limit = None
        if index < len(items) - 1:
            limit = inner.number("up_to_kwh", least=1) * 1000
            if limit <= last:
                raise inner.fail("up_to_kwh", "must be more than the block before")
            last = limit
        elif "up_to_kwh" in item:
            raise inner.fail("up_to_kwh", "must be missing in the last block")
        blocks.append(Block(limit, inner.decimal("rate", least=0)))
    if not blocks:
        raise reader.fail("blocks", "must hold at least one block")
    return tuple(blocks)


def _periods(reader: _Reader) -> tuple[Period, ...]:
    periods = []
    for index, item in enumerate(reader.tables("periods")):
        inner = _Reader(item, f"energy.periods[{index}].", {"name", "weekdays", "hours", "rate", "share"})
        weekdays, hours = item.get("weekdays", list(range(1, 8))), item.get("hours", list(range(24)))
        if not _within(weekdays, 1, 7) or not _within(hours, 0, 23):
            raise inner.fail("hours", "and weekdays must be lists of 0 to 23 and 1 to 7")
        share = inner.decimal("share", least=0) if "share" in item else None
        rate = inner.decimal("rate", least=0)
        periods.append(Period(inner.text("name"), frozenset(weekdays), frozenset(hours), rate, share))
    covered = {(day, hour) for period in periods for day in period.weekdays for hour in period.hours}
    if len(covered) != 7 * 24:
        raise reader.fail("periods", "must cover every hour of the week")
    shares = [period.share for period in periods if period.share is not None]
    if shares and (len(shares) != len(periods) or sum(shares) != 1):
        raise reader.fail("periods", "must all have a share, and the shares must add up to 1")
    return tuple(periods)


def _within(values: object, least: int, most: int) -> bool:
    return isinstance(values, list) and all(type(item) is int and least <= item <= most for item in values)


def _charge(item: Mapping[str, Any], index: int, places: int) -> Charge:
    reader = _Reader(item, f"charges[{index}].", {"code", "label", "amount", "every", "months_max"})
    every = reader.text("every", "month")
    if every not in {"month", "purchase"}:
        raise reader.fail("every", "must be month or purchase")
    amount = _minor(reader.decimal("amount"), places, reader, "amount")
    return Charge(
        reader.code("code"),
        reader.text("label"),
        amount,
        every == "month",
        reader.number("months_max", 12, least=1, most=120),
    )


def _pass_through(item: Mapping[str, Any], index: int) -> PassThrough:
    reader = _Reader(item, f"pass_through[{index}].", {"code", "label", "rates"})
    rates = []
    for key, value in reader.table("rates").items():
        inner = _Reader({key: value}, f"pass_through[{index}].rates.", {key})
        first = parse_month(key)
        if first is None:
            raise inner.fail(key, "must be a month such as 2026-11")
        rates.append((first, inner.decimal(key)))
    return PassThrough(reader.code("code"), reader.text("label"), tuple(sorted(rates)))


def _levy(item: Mapping[str, Any], index: int) -> Levy:
    reader = _Reader(item, f"levies[{index}].", {"code", "label", "kind", "percent", "per_kwh", "bases", "included"})
    bases = item.get("bases", ["energy"])
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise reader.fail("bases", "must be a list of item codes")
    kind = reader.text("kind", "levy")
    if kind not in {"tax", "levy"}:
        raise reader.fail("kind", "must be tax or levy")
    percent, per_kwh = reader.decimal("percent", "0", least=-100), reader.decimal("per_kwh", "0")
    included = reader.flag("included", default=False)
    if included and per_kwh:
        raise reader.fail("per_kwh", "cannot be included in the prices; give a percent")
    return Levy(
        code=reader.code("code"),
        label=reader.text("label"),
        is_tax=kind == "tax",
        percent=percent / 100,
        per_kwh=per_kwh,
        bases=tuple(bases),
        included=included,
    )


_VECTOR = {
    "name", "at", "money", "energy_kwh", "expect_money", "expect_energy_kwh", "expect_lines", "expect_carry",
    "history", "step_wh", "published",
}  # fmt: skip


def _vector(item: Mapping[str, Any], index: int) -> Vector:
    reader = _Reader(item, f"vectors[{index}].", _VECTOR)
    at = item.get("at")
    if not isinstance(at, datetime):
        raise reader.fail("at", "must be a moment such as 2026-11-23T09:00:00Z")
    money, energy, expect_money, expect_energy, expect_carry = (
        reader.text(key) if key in item else None
        for key in ("money", "energy_kwh", "expect_money", "expect_energy_kwh", "expect_carry")
    )
    lines = reader.table("expect_lines")
    if not all(isinstance(amount, str) for amount in lines.values()):
        raise reader.fail("expect_lines", "must give amounts in quotes")
    if money is not None and energy is not None and expect_money is None and expect_energy is None:
        # The short form: this money buys this energy.
        energy, expect_energy = None, energy
    if (money is None) == (energy is None) or (expect_money is None and expect_energy is None and not lines):
        raise reader.fail("money", "or energy_kwh must be given, and what to expect of it")
    return Vector(
        name=reader.text("name"),
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        money=money,
        energy_kwh=energy,
        expect_money=expect_money,
        expect_energy_kwh=expect_energy,
        history=reader.table("history"),
        expect_lines=lines,
        expect_carry=expect_carry,
        step_wh=reader.number("step_wh", 100, least=1, most=10_000),
        published=reader.flag("published", default=False),
    )
