"""Checking a tariff against the worked figures in its own document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gridtill.kernel.energy import parse_kwh
from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import parse_money
from gridtill.tariff.document import Tariff, TariffInvalid, Vector
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
        month_wh=parse_kwh(str(data.get("month_kwh", "0"))).wh,
        year_wh=parse_kwh(str(data.get("year_kwh", "0"))).wh,
        recent_months_wh=tuple(parse_kwh(str(item)).wh for item in recent),
        charged_through=_month(data.get("charged_through")),
        account_opened=_month(data.get("account_opened")),
        carry_minor=parse_money(str(data.get("carry", "0")), currency).minor,
    )


def _month(value: object) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(f"{value}-01")
    except ValueError:
        raise TariffInvalid(f"{str(value)[:40]!r} is not a month such as 2026-11.", field="history") from None


def check_vectors(tariff: Tariff) -> list[VectorFailure]:
    """Return the worked figures that the tariff does not reproduce to the last digit, in UTC."""
    failures = []
    for vector in tariff.vectors:
        try:
            quote = _quote(tariff, vector)
        except Refusal as refusal:
            failures.append(VectorFailure(vector.name, "a quote", refusal.message))
            continue
        if vector.expect_energy_kwh is not None and parse_kwh(vector.expect_energy_kwh).wh != quote.energy_wh:
            failures.append(VectorFailure(vector.name, f"{vector.expect_energy_kwh} kWh", f"{quote.energy_wh} Wh"))
        if vector.expect_money is not None:
            expected = parse_money(vector.expect_money, tariff.currency).minor
            if expected != quote.tender_minor:
                failures.append(VectorFailure(vector.name, vector.expect_money, str(quote.tender_minor)))
    return failures


def _quote(tariff: Tariff, vector: Vector) -> Quote:
    history, zone = read_history(vector.history, tariff.currency), ZoneInfo("UTC")
    if vector.money is not None:
        return quote_money(tariff, history, parse_money(vector.money, tariff.currency), vector.at, zone=zone)
    return quote_energy(tariff, history, parse_kwh(vector.energy_kwh or "0"), vector.at, zone=zone)
