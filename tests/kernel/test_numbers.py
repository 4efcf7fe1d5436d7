from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.kernel.energy import Energy, format_kwh, parse_kwh
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.money import Ambiguous, MixedCurrencies, Money, format_minor, parse_money
from gridtill.kernel.rounding import Mode, round_fraction, round_ratio, share_out

pytestmark = pytest.mark.unit

CURRENCIES = st.sampled_from(["KES", "UGX", "KWD"])


@given(st.integers(-(10**12), 10**12), CURRENCIES)
def test_money_is_read_as_it_is_written(minor, currency):
    assert parse_money(format_minor(minor, currency), currency) == Money(minor, currency)


@given(st.integers(-(10**12), 10**12))
def test_energy_is_read_as_it_is_written(wh):
    assert parse_kwh(format_kwh(wh)) == Energy(wh)


def test_money_adds_subtracts_and_compares():
    five, two = Money(5, "KES"), Money(2, "KES")

    assert (five + two, five - two, -five) == (Money(7, "KES"), Money(3, "KES"), Money(-5, "KES"))
    assert two < five
    assert two <= Money(2, "KES")
    assert not Money(0, "KES")
    assert str(five) == "0.05"


def test_energy_adds_subtracts_and_compares():
    five, two = Energy(5), Energy(2)

    assert (five + two, five - two, -five) == (Energy(7), Energy(3), Energy(-5))
    assert two < five
    assert not Energy(0)
    assert str(five) == "0.005"


@pytest.mark.parametrize("wrong", [1.0, True, "1"])
def test_only_whole_numbers_are_money_or_energy(wrong):
    with pytest.raises(TypeError):
        Money(wrong, "KES")
    with pytest.raises(TypeError):
        Energy(wrong)


def test_two_currencies_do_not_meet():
    with pytest.raises(MixedCurrencies):
        Money(1, "KES") + Money(1, "UGX")
    with pytest.raises(MixedCurrencies):
        assert Money(1, "KES") < Money(1, "UGX")


@pytest.mark.parametrize("text", ["", "1,000.00", "1.2.3", "1e3", "--1", "٣", "1.", "9" * 16, "NaN"])
def test_an_amount_that_is_not_plain_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_money(text, "KES")


@pytest.mark.parametrize(("text", "currency"), [("1.0051", "KES"), ("1.5", "UGX"), ("1.0005", "KWD")])
def test_money_finer_than_the_currency_is_refused(text, currency):
    with pytest.raises(InvalidValue, match="decimal places"):
        parse_money(text, currency)


@pytest.mark.parametrize(
    ("text", "currency"), [("1,000", "KES"), ("20,000", "UGX"), ("1.000", "KES"), ("1.005", "KES"), ("1,000", "KWD")]
)
def test_a_thousand_or_one_is_not_guessed(text, currency):
    with pytest.raises(Ambiguous, match="two amounts"):
        parse_money(text, currency)


@pytest.mark.parametrize(("text", "wh"), [("0,125", 125), ("1.000", 1_000), ("12,5", 12_500)])
def test_an_energy_with_three_decimals_may_be_plain(text, wh):
    assert parse_kwh(text).wh == wh


def test_an_energy_of_a_thousand_or_one_is_not_guessed():
    with pytest.raises(Ambiguous):
        parse_kwh("1,000")


@pytest.mark.parametrize("text", ["", "1,000.5", "x", "1e3", "1.0005", "1" * 13])
def test_an_energy_that_is_not_plain_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_kwh(text)


def test_signs_are_read():
    assert (parse_money("-1.5", "KES").minor, parse_kwh("-0.5").wh) == (-150, -500)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_each_mode_stays_within_one_unit(numerator, denominator):
    exact = Fraction(numerator, denominator)

    assert round_ratio(numerator, denominator, Mode.DOWN) == exact // 1
    assert round_ratio(numerator, denominator, Mode.UP) == -(-exact // 1)
    for mode in (Mode.HALF_UP, Mode.HALF_EVEN):
        assert abs(round_ratio(numerator, denominator, mode) - exact) <= Fraction(1, 2)
    assert round_ratio(-numerator, denominator) == -round_ratio(numerator, denominator)


def test_a_negative_denominator_turns_the_sign():
    assert round_ratio(7, -2) == -4
    assert round_fraction(Fraction(-7, 2), Mode.UP) == -3


@pytest.mark.parametrize(("value", "rounded"), [(Fraction(5, 2), 2), (Fraction(7, 2), 4), (Fraction(-5, 2), -2)])
def test_half_goes_to_the_even_neighbour(value, rounded):
    assert round_fraction(value, Mode.HALF_EVEN) == rounded


@given(st.integers(-(10**9), 10**9), st.lists(st.fractions(0, 1000), min_size=1, max_size=8))
def test_shares_add_up_and_stay_within_one_unit(total, weights):
    whole = sum(weights)
    if not whole and total:
        with pytest.raises(ValueError, match="sum to zero"):
            share_out(total, weights)
        return

    parts = share_out(total, weights)

    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert not whole or abs(part - total * weight / whole) < 1


def test_nothing_is_shared_out_as_nothing():
    assert share_out(0, [Fraction(0), Fraction(1)]) == [0, 0]


def test_a_refusal_keeps_the_remedy_of_its_class_unless_told():
    class Wrong(Refusal):
        remedy = "Do this."

    assert (Wrong("a").remedy, Wrong("a", remedy="That.", field="f").remedy) == ("Do this.", "That.")
    assert (Wrong("a").message, Wrong("a", field="f").field) == ("a", "f")
