"""Checking a tariff against the worked figures in its own document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gridtill.kernel.energy import format_kwh, parse_kwh
from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import format_minor, parse_money
from gridtill.tariff.document import Tariff, TariffInvalid, Vector, parse_month
from gridtill.tariff.quote import History, Quote, quote_energy, quote_money

_HISTORY = {"month_kwh", "year_kwh", "recent_months_kwh", "charged_through", "account_opened", "carry"}


@dataclass(frozen=True, slots=True)
class VectorFailure:
    """A worked figure that came out otherwise."""

    name: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, found {self.found}"


def read_history(data: Mapping[str, Any], currency: str) -> History:
    """
    Read a purchase history in kWh and money strings, as vectors and the price command give it.

    :raises TariffInvalid: naming the key that is wrong
    """
    unknown = sorted(set(data) - _HISTORY)
    if unknown:
        raise TariffInvalid(f"history.{unknown[0]} is not known.", field="history")
    recent = data.get("recent_months_kwh", [])
    if not isinstance(recent, list) or len(recent) > 36:
        raise TariffInvalid("history.recent_months_kwh must be a list of at most 36 months.", field="history")
    return History(
        month_wh=_bought(data.get("month_kwh", "0"), "month_kwh"),
        year_wh=_bought(data.get("year_kwh", "0"), "year_kwh"),
        recent_months_wh=tuple(_bought(item, "recent_months_kwh") for item in recent),
        charged_through=_month(data.get("charged_through")),
        account_opened=_month(data.get("account_opened")),
        carry_minor=parse_money(str(data.get("carry", "0")), currency).minor,
    )


def _bought(value: object, key: str) -> int:
    wh = parse_kwh(str(value)).wh
    if wh < 0:
        raise TariffInvalid(f"history.{key} must not be negative.", field="history")
    return wh


def _month(value: object) -> date | None:
    if value is None:
        return None
    month = parse_month(str(value))
    if month is None:
        raise TariffInvalid(f"{str(value)[:40]!r} is not a month such as 2026-11.", field="history")
    return month


def check_vectors(tariff: Tariff) -> list[VectorFailure]:
    """Return what the tariff does not reproduce to the last digit of its worked figures, in its zone or UTC."""
    failures = []
    for vector in tariff.vectors:
        try:
            failures += _compared(tariff, vector, _quote(tariff, vector))
        except Refusal as refusal:
            failures.append(VectorFailure(vector.name, "a quote", refusal.message))
    return failures


def _compared(tariff: Tariff, vector: Vector, quote: Quote) -> list[VectorFailure]:
    currency = tariff.currency
    pairs = []
    if vector.expect_energy_kwh is not None:
        pairs.append((f"{parse_kwh(vector.expect_energy_kwh)} kWh", f"{format_kwh(quote.energy_wh)} kWh"))
    if vector.expect_money is not None:
        wanted = str(parse_money(vector.expect_money, currency))
        pairs.append((wanted, format_minor(quote.tender_minor, currency)))
    if vector.expect_carry is not None:
        wanted = str(parse_money(vector.expect_carry, currency))
        pairs.append((f"{wanted} carried", f"{format_minor(quote.carry_after, currency)} carried"))
    for code, text in vector.expect_lines.items():
        wanted = str(parse_money(text, currency))
        found = sum(line.amount_minor for line in quote.lines if line.code == code)
        pairs.append((f"{code} {wanted}", f"{code} {format_minor(found, currency)}"))
    return [VectorFailure(vector.name, expected, found) for expected, found in pairs if expected != found]


def _quote(tariff: Tariff, vector: Vector) -> Quote:
    history, zone, step = read_history(vector.history, tariff.currency), ZoneInfo(tariff.zone or "UTC"), vector.step_wh
    if vector.money is not None:
        money = parse_money(vector.money, tariff.currency)
        return quote_money(tariff, history, money, vector.at, zone=zone, step_wh=step)
    return quote_energy(tariff, history, parse_kwh(vector.energy_kwh or "0"), vector.at, zone=zone, step_wh=step)
