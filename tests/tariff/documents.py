"""Small tariff documents and the words to quote them with."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gridtill.kernel.energy import Energy, parse_kwh
from gridtill.kernel.money import Money, parse_money
from gridtill.tariff.document import Tariff, load_tariff
from gridtill.tariff.quote import History, Quote, quote_energy, quote_money

UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HEAD = """
code = "T"
title = "Test"
currency = "KES"
price_class = "residential"
valid_from = 2020-01-01
[source]
name = "Made up"
"""
FLAT = '[energy]\nkind = "flat"\nrate = "{rate}"\n'
BLOCKS = """
[energy]
kind = "blocks"
{more}
[[energy.blocks]]
up_to_kwh = 50
rate = "2.50"
[[energy.blocks]]
up_to_kwh = 150
rate = "12.75"
[[energy.blocks]]
rate = "20.57"
"""
TAXES = """
[[charges]]
code = "fixed"
label = "Fixed charge"
amount = "150.00"
months_max = 6
[[pass_through]]
code = "fuel"
label = "Fuel"
rates = {"2026-01" = "5.71", "2026-11" = "6.00"}
[[levies]]
code = "erc"
label = "ERC"
per_kwh = "0.03"
bases = []
[[levies]]
code = "vat"
label = "VAT"
kind = "tax"
percent = "16"
bases = ["fixed", "energy", "fuel"]
"""


def flat(rate: str = "10.00", more: str = "") -> Tariff:
    return load_tariff(HEAD + FLAT.format(rate=rate) + more)


def blocks(more: str = "", tail: str = "") -> Tariff:
    return load_tariff(HEAD + BLOCKS.format(more=more) + tail)


def buy(tariff: Tariff, money: str, history: History | None = None, **more) -> Quote:
    more = {"at": NOON, "zone": UTC_ZONE, **more}
    return quote_money(tariff, history or History(), parse_money(money, tariff.currency), **more)


def price(tariff: Tariff, kwh: str, history: History | None = None, **more) -> Quote:
    more = {"at": NOON, "zone": UTC_ZONE, **more}
    return quote_energy(tariff, history or History(), parse_kwh(kwh), **more)


def amounts(quote: Quote) -> dict[str, int]:
    totals: dict[str, int] = {}
    for line in quote.lines:
        totals[line.code] = totals.get(line.code, 0) + line.amount_minor
    return totals


def minor(tariff: Tariff, amount: int) -> Money:
    return Money(amount, tariff.currency)


def wh(amount: int) -> Energy:
    return Energy(amount)
