from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from gridtill.kernel.money import Money
from gridtill.tariff.document import load_tariff
from gridtill.tariff.quote import (
    AboveMaximum,
    BelowMinimum,
    CurrencyMismatch,
    History,
    LineKind,
    NothingToBuy,
    NotYetValid,
    quote_money,
)
from tests.tariff.documents import HEAD, NOON, TAXES, UTC_ZONE, amounts, blocks, buy, flat, price

pytestmark = pytest.mark.unit


def test_a_flat_price_divides():
    quote = buy(flat(), "105.50")

    assert (quote.energy_wh, quote.carry_after, amounts(quote)) == (10_500, 50, {"energy": 10_500, "carry_out": 50})


def test_the_carried_money_is_spent_next_time():
    quote = buy(flat(), "100.00", History(carry_minor=100))

    assert quote.energy_wh == 10_100
    assert amounts(quote) == {"energy": 10_100, "carry_in": -100}
    assert (quote.carry_before, quote.carry_after) == (100, 0)


def test_a_purchase_crosses_blocks_with_a_line_each():
    quote = buy(blocks(), "250.00", History(month_wh=40_000))

    energy = [(line.label, line.quantity_wh, line.rate, line.amount_minor) for line in quote.lines][:2]
    assert energy == [("Energy, block 1", 10_000, "2.50", 2500), ("Energy, block 2", 17_600, "12.75", 22_440)]
    assert quote.carry_after == 60


def test_blocks_by_year_count_the_year():
    tariff = blocks('basis = "year"')

    assert price(tariff, "1", History(year_wh=60_000)).tender_minor == 1275
    assert price(tariff, "1", History(month_wh=60_000)).tender_minor == 250


def test_whole_volume_prices_everything_by_the_last_block():
    tariff = blocks("whole_volume = true")

    assert price(tariff, "50").tender_minor == 12_500
    assert price(tariff, "50.1").tender_minor == 63_878


def test_whole_volume_leaves_money_that_no_block_can_take():
    quote = buy(blocks("whole_volume = true"), "300.00")

    assert (quote.energy_wh, quote.carry_after) == (50_000, 17_500)


def test_whole_volume_finds_more_energy_for_less_money():
    falling = load_tariff(
        HEAD
        + '[energy]\nkind = "blocks"\nwhole_volume = true\n'
        + '[[energy.blocks]]\nup_to_kwh = 10\nrate = "10.00"\n[[energy.blocks]]\nrate = "5.00"\n'
    )

    quote = price(falling, "9")

    assert (quote.tender_minor, quote.energy_wh) == (5050, 10_100)


@pytest.mark.parametrize(
    ("months", "rate"),
    [((), 250), ((50_000, 50_000, 50_000), 250), ((50_000, 50_001, 50_000), 1275), ((999_000,), 2057)],
)
def test_an_average_selects_one_price_for_all_units(months, rate):
    tariff = blocks('basis = "average"\naverage_months = 3')

    assert price(tariff, "200", History(recent_months_wh=months)).tender_minor == 200 * rate


def test_the_average_counts_its_months_only():
    tariff = blocks('basis = "average"\naverage_months = 1')

    assert price(tariff, "1", History(recent_months_wh=(1000, 999_000))).tender_minor == 250


TIME_OF_USE = """
[energy]
kind = "time_of_use"
[[energy.periods]]
name = "peak"
weekdays = [1]
hours = [18]
rate = "20"
{share}
[[energy.periods]]
name = "rest"
rate = "10"
{other}
"""


@pytest.mark.parametrize(("hour", "rate"), [(15, 2000), (16, 1000)])
def test_the_hour_of_purchase_where_the_utility_is_sets_the_price(hour, rate):
    tariff = load_tariff(HEAD + TIME_OF_USE.format(share="", other=""))

    quote = price(tariff, "1", at=datetime(2026, 11, 23, hour, tzinfo=UTC), zone=ZoneInfo("Africa/Nairobi"))

    assert quote.tender_minor == rate


def test_shares_make_one_mixed_price():
    tariff = load_tariff(HEAD + TIME_OF_USE.format(share='share = "0.25"', other='share = "0.75"'))

    quote = price(tariff, "1")

    assert (quote.tender_minor, quote.lines[0].label) == (1250, "Energy, mixed price")


def test_taxes_rest_on_their_bases_only():
    quote = price(flat(more=TAXES), "10")

    # Fuel is 6.00 in November; VAT is 16 % of 150 + 100 + 60, not of the levy.
    assert amounts(quote) == {"fixed": 15_000, "energy": 10_000, "fuel": 6000, "erc": 30, "vat": 4960}
    assert quote.total(LineKind.TAX) == 4960


def test_an_included_tax_is_taken_out_of_the_price():
    tariff = flat("1.15", '[[levies]]\ncode = "vat"\nlabel = "VAT"\nkind = "tax"\npercent = "15"\nincluded = true\n')

    quote = buy(tariff, "115.00")

    assert (quote.energy_wh, amounts(quote)) == (100_000, {"energy": 10_000, "vat": 1500})
    assert quote.lines[0].rate == "1.00"


def test_an_included_tax_on_charges_splits_them_too():
    more = TAXES.replace('percent = "16"', 'percent = "16"\nincluded = true')

    quote = price(flat(more=more), "10")

    assert amounts(quote) == {"fixed": 12_931, "energy": 8621, "fuel": 5172, "erc": 30, "vat": 4276}
    assert sum(amounts(quote).values()) == 15_000 + 10_000 + 6000 + 30


def test_a_rebate_is_a_negative_levy():
    quote = price(flat(more='[[levies]]\ncode = "rebate"\nlabel = "Rebate"\npercent = "-0.5"\n'), "10")

    assert amounts(quote) == {"energy": 10_000, "rebate": -50}


def test_a_negative_rate_is_written_with_its_sign():
    quote = price(flat(more='[[pass_through]]\ncode = "f"\nlabel = "F"\nrates = {"2020-01" = "-1.25"}\n'), "10")

    assert [(line.rate, line.amount_minor) for line in quote.lines] == [("10.00", 10_000), ("-1.25", -1250)]


def test_a_tariff_that_gives_energy_away_is_refused():
    tariff = flat(more='[[pass_through]]\ncode = "f"\nlabel = "F"\nrates = {"2020-01" = "-10"}\n')

    with pytest.raises(NothingToBuy, match="gives energy away"):
        buy(tariff, "10")


@pytest.mark.parametrize(
    ("history", "months", "through"),
    [
        (History(), 1, date(2026, 11, 1)),
        (History(charged_through=date(2026, 10, 1)), 1, date(2026, 11, 1)),
        (History(charged_through=date(2026, 11, 1)), 0, date(2026, 11, 1)),
        (History(charged_through=date(9999, 12, 1)), 0, date(9999, 12, 1)),
        (History(charged_through=date(2026, 7, 1)), 4, date(2026, 11, 1)),
        (History(charged_through=date(2025, 7, 1)), 6, date(2026, 1, 1)),
        (History(account_opened=date(2026, 10, 31)), 2, date(2026, 11, 1)),
        (History(account_opened=date(2027, 3, 3)), 1, date(2026, 11, 1)),
    ],
)
def test_missed_months_roll_up_to_their_cap(history, months, through):
    quote = price(flat(more=TAXES), "10", history)

    assert amounts(quote).get("fixed", 0) == months * 15_000
    assert quote.charged_through == through


def test_a_charge_with_every_purchase_is_due_again():
    tariff = flat(more='[[charges]]\ncode = "fee"\nlabel = "Fee"\namount = "2.00"\nevery = "purchase"\n')

    quote = buy(tariff, "102.00", History(charged_through=date(2026, 11, 1)))

    assert amounts(quote) == {"fee": 200, "energy": 10_000}


def test_the_least_purchase_is_named_and_buys_one_step():
    tariff = blocks(tail=TAXES)

    with pytest.raises(BelowMinimum, match=r"KES 174\.99") as caught:
        buy(tariff, "100.00")

    assert caught.value.remedy == "Pay at least 174.99."
    assert buy(tariff, "174.99").energy_wh == 100
    with pytest.raises(BelowMinimum):
        buy(tariff, "174.98")


def test_the_limits_of_a_tariff_hold():
    tariff = flat(more='[purchase]\nminimum = "20"\nmaximum = "900"\nminimum_kwh = "3"\nmaximum_kwh = "80"\n')

    with pytest.raises(BelowMinimum, match=r"KES 30\.00"):
        buy(tariff, "29.99")
    with pytest.raises(AboveMaximum, match=r"KES 900\.00"):
        buy(tariff, "900.01")
    with pytest.raises(AboveMaximum, match="80 kWh"):
        buy(tariff, "801.00")
    assert buy(tariff, "800.00").energy_wh == 80_000


def test_a_minimum_of_money_is_asked_for_an_energy_too():
    tariff = flat(more='[purchase]\nminimum = "20"\n')

    assert price(tariff, "0.5").energy_wh == 2000
    with pytest.raises(BelowMinimum, match=r"KES 20\.00"):
        buy(tariff, "19.99")


def test_nothing_is_not_quoted():
    with pytest.raises(NothingToBuy):
        buy(flat(), "0")
    with pytest.raises(NothingToBuy):
        price(flat(), "-1")


def test_another_currency_is_refused():
    with pytest.raises(CurrencyMismatch):
        quote_money(flat(), History(), Money(100, "UGX"), NOON, zone=UTC_ZONE)


def test_a_tariff_begins_at_midnight_where_the_utility_is():
    eve = datetime(2019, 12, 31, 21, tzinfo=UTC)

    assert buy(flat(), "10", at=eve, zone=ZoneInfo("Africa/Nairobi")).energy_wh == 1000
    with pytest.raises(NotYetValid):
        buy(flat(), "10", at=eve)


def test_a_carrier_may_name_less_than_the_step():
    quote = buy(flat(), "105.00", floor_wh=lambda wh: wh // 1000 * 1000)

    assert (quote.energy_wh, quote.carry_after) == (10_000, 500)


def test_energy_is_rounded_up_to_the_step():
    quote = price(flat(), "1.01", step_wh=100)

    assert (quote.energy_wh, quote.tender_minor) == (1100, 1100)


def test_energy_that_the_carried_money_pays_still_needs_a_purchase():
    quote = price(flat(), "0.1", History(carry_minor=5000))

    assert quote.tender_minor == 1
    assert sum(line.amount_minor for line in quote.lines) == 1


def test_a_currency_without_cents_works():
    tariff = load_tariff(HEAD.replace("KES", "UGX") + '[energy]\nkind = "flat"\nrate = "750.9"\n')

    quote = buy(tariff, "1000")

    assert (quote.energy_wh, quote.carry_after) == (1300, 24)
