from datetime import date
from fractions import Fraction

import pytest

from gridtill.tariff.document import TariffInvalid, load_tariff
from tests.tariff.documents import BLOCKS, FLAT, HEAD, TAXES

pytestmark = pytest.mark.unit

DOCUMENT = HEAD + FLAT.format(rate="10.00")


def refused(document: str) -> str:
    with pytest.raises(TariffInvalid) as caught:
        load_tariff(document)
    return caught.value.message


def test_everything_in_a_document_is_read():
    tariff = load_tariff(
        HEAD.replace("[source]", 'zone = "Africa/Nairobi"\n[source]\nurl = "https://example.org"\nnote = "n"')
        + BLOCKS.format(more='basis = "year"\nyear_reset = "07-01"\nwhole_volume = true')
        + TAXES
        + '[purchase]\nminimum = "5.00"\nmaximum = "900.00"\nminimum_kwh = "1"\nmaximum_kwh = "400.5"\ndebts = "first"'
    )

    assert (tariff.zone, tariff.source_url, tariff.source_note) == ("Africa/Nairobi", "https://example.org", "n")
    assert (tariff.basis, tariff.year_reset, tariff.whole_volume) == ("year", (7, 1), True)
    assert [block.limit_wh for block in tariff.blocks] == [50_000, 150_000, None]
    assert (tariff.minimum_minor, tariff.maximum_minor) == (500, 90_000)
    assert (tariff.minimum_wh, tariff.maximum_wh, tariff.debts_first) == (1000, 400_500, True)
    assert (tariff.charges[0].amount_minor, tariff.charges[0].monthly, tariff.charges[0].months_max) == (
        15_000,
        True,
        6,
    )
    assert tariff.levies[1].percent == Fraction(16, 100)


def test_a_passed_through_rate_holds_until_the_next_month_given():
    fuel = load_tariff(DOCUMENT + TAXES).pass_throughs[0]

    rates = [fuel.rate_on(day) for day in (date(2025, 12, 31), date(2026, 10, 31), date(2026, 11, 1))]

    assert rates == [0, Fraction("5.71"), 6]


@pytest.mark.parametrize(
    ("addition", "words"),
    [
        ("colour = 1", "source.colour is not a key"),
        ("[energy2]", "energy2 is not a key"),
        ('[[charges]]\ncode = "a b"\nlabel = "x"\namount = "1"', "charges[0].code must be up to 40"),
        ('[[charges]]\ncode = "a"\nlabel = " "\namount = "1"', "charges[0].label must be text"),
        ('[[charges]]\ncode = "a"\nlabel = "x"\namount = "0.001"', "charges[0].amount must not be negative or finer"),
        ('[[charges]]\ncode = "a"\nlabel = "x"\namount = "-1"', "charges[0].amount must not be negative"),
        ('[[charges]]\ncode = "a"\nlabel = "x"\namount = 1.5', "charges[0].amount must be a decimal number in quotes"),
        ('[[charges]]\ncode = "a"\nlabel = "x"\namount = "1/2"', "charges[0].amount must be a plain decimal number"),
        ('[[charges]]\ncode = "a"\nlabel = "x"\namount = "1"\nevery = "day"', "charges[0].every must be month"),
        ('[[charges]]\ncode = "a"\nlabel = "x"\namount = "1"\nmonths_max = 0', "months_max must be a whole number"),
        ('[[charges]]\ncode = "energy"\nlabel = "x"\namount = "1"', "charges[0].code energy is used already"),
        ('[[charges]]\ncode = "debt.1"\nlabel = "x"\namount = "1"', "charges[0].code debt.1 is used already"),
        ('[[pass_through]]\ncode = "f"\nlabel = "x"\nrates = {"2026-13" = "1"}', "rates.2026-13 must be a month"),
        ('[[pass_through]]\ncode = "f"\nlabel = "x"\nrates = {"2026-1" = "1"}', "rates.2026-1 must be a month"),
        ('[[pass_through]]\ncode = "f"\nlabel = "x"\nrates = 1', "pass_through[0].rates must be a table"),
        ('[[pass_through]]\ncode = "carry_in"\nlabel = "x"', "pass_through[0].code carry_in is used"),
        ('[[levies]]\ncode = "v"\nlabel = "x"\nbases = ["w"]', "levies[0].bases names 'w'"),
        ('[[levies]]\ncode = "v"\nlabel = "x"\nbases = "energy"', "levies[0].bases must be a list"),
        ('[[levies]]\ncode = "v"\nlabel = "x"\nkind = "fee"', "levies[0].kind must be tax or levy"),
        ('[[levies]]\ncode = "v"\nlabel = "x"\npercent = "-100"', "levies[0].percent must be more than -100"),
        ('[[levies]]\ncode = "v"\nlabel = "x"\nper_kwh = "1"\nincluded = true', "levies[0].per_kwh cannot be"),
        ('[[levies]]\ncode = "v"\nlabel = "x"\nincluded = 1', "levies[0].included must be true or false"),
        ('[[levies]]\ncode = "v"\nlabel = "x"\n[[levies]]\ncode = "v"\nlabel = "y"', "levies[1].code v is used"),
        ('[purchase]\ndebts = "last"', "purchase.debts must be"),
        ("charges = 1", "source.charges is not a key"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(addition, words):
    document = DOCUMENT.replace("[energy]", f"{addition}\n[energy]") if "[" not in addition[:1] else DOCUMENT + addition

    assert words in refused(document)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"KES"', '"kes"', "currency must be an ISO 4217 code"),
        ("2020-01-01", "2020-01-01T00:00:00", "valid_from must be a date"),
        ('"T"', '""', "code must be text"),
        ('"T"', '"T"\nzone = "Mars/Base"', "zone must be a time zone"),
        ('"T"', '"T"\nzone = "../x"', "zone must be a time zone"),
        ('"T"', '"T"\ncharges = 1', "charges must be a list of tables"),
        ('kind = "flat"', 'kind = "free"', "energy.kind must be"),
        ('kind = "flat"', 'kind = "flat"\nbasis = "week"', "energy.basis must be"),
        ('kind = "flat"', 'kind = "flat"\nyear_reset = "13-01"', "energy.year_reset must be"),
        ('"10.00"', '"0"', "energy.rate must be more than 0"),
        ('kind = "flat"', 'kind = "blocks"', "energy.blocks must hold at least one"),
        ('kind = "flat"', 'kind = "time_of_use"', "energy.periods must cover every hour"),
    ],
)
def test_a_wrong_value_at_the_top_is_named(before, after, words):
    assert words in refused(DOCUMENT.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("up_to_kwh = 150", "up_to_kwh = 50", "energy.blocks[1].up_to_kwh must be more than the block before"),
        ('rate = "20.57"', 'up_to_kwh = 900\nrate = "20.57"', "energy.blocks[2].up_to_kwh must be missing"),
        ('rate = "12.75"', 'rate = "0.00"', "energy.blocks[1].rate must be more than 0"),
    ],
)
def test_blocks_must_rise_and_cost_something(before, after, words):
    assert words in refused(HEAD + BLOCKS.format(more="").replace(before, after))


@pytest.mark.parametrize(
    ("periods", "words"),
    [
        ('[[energy.periods]]\nname = "a"\nrate = "1"\nhours = [24]', "hours and weekdays must be lists"),
        ('[[energy.periods]]\nname = "a"\nrate = "1"\nweekdays = 1', "hours and weekdays must be lists"),
        ('[[energy.periods]]\nname = "a"\nrate = "1"\nshare = "0.4"', "must all have a share"),
        (
            '[[energy.periods]]\nname = "a"\nrate = "1"\nshare = "1"\n[[energy.periods]]\nname = "b"\nrate = "2"',
            "must all have a share",
        ),
    ],
)
def test_periods_must_be_whole(periods, words):
    assert words in refused(HEAD + '[energy]\nkind = "time_of_use"\n' + periods)


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ('money = "1"\nexpect_money = "1"', "vectors[0].at must be a moment"),
        ("at = 2026-01-01T00:00:00Z", "vectors[0].money or energy_kwh must be given"),
        ('at = 2026-01-01T00:00:00Z\nmoney = "1"', "and what to expect of it"),
        ('at = 2026-01-01T00:00:00Z\nmoney = "1"\nexpect_lines = {a = 1}', "expect_lines must give amounts in quotes"),
    ],
)
def test_a_vector_must_ask_and_expect(vector, words):
    assert words in refused(DOCUMENT + '[[vectors]]\nname = "v"\n' + vector)


def test_a_moment_without_zone_in_a_vector_is_utc():
    tariff = load_tariff(DOCUMENT + '[[vectors]]\nname = "v"\nat = 2026-01-01T00:00:00\nmoney = "10"\nenergy_kwh = "1"')

    assert tariff.vectors[0].at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert (tariff.vectors[0].money, tariff.vectors[0].expect_energy_kwh) == ("10", "1")


@pytest.mark.parametrize("document", ["a = ", "a = " + "[" * 20_000])
def test_text_that_is_not_toml_is_refused(document):
    assert "not TOML" in refused(document)
