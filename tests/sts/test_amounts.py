import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.sts.amounts import (
    CURRENCY_MAX,
    TOKENS_MAX,
    UNITS_MAX,
    decode_amount,
    decode_currency,
    encode_amount,
    encode_currency,
    largest_representable_at_most,
    split_units,
)
from gridtill.sts.errors import OutOfRange

pytestmark = pytest.mark.unit
UNITS = st.integers(0, UNITS_MAX)


@pytest.mark.parametrize(
    ("units", "decoded"),
    [
        (0, 0),
        (16_383, 16_383),
        (16_384, 16_384),
        (16_385, 16_394),
        (180_214, 180_214),
        (180_215, 180_224),
        (1_818_524, 1_818_524),
        (1_818_525, 1_818_624),
        (18_201_624, 18_201_624),
    ],
)
def test_amounts_at_the_edges_of_an_exponent(units, decoded):
    assert decode_amount(encode_amount(units)) == decoded


@pytest.mark.parametrize("units", [-1, UNITS_MAX + 1])
def test_amount_without_a_place_is_refused(units):
    with pytest.raises(OutOfRange):
        encode_amount(units)


@pytest.mark.parametrize("field", [-1, 0x10000])
def test_amount_field_has_sixteen_bits(field):
    with pytest.raises(OutOfRange):
        decode_amount(field)


@given(st.integers(0, 0xFFFF))
def test_every_amount_field_is_its_own_encoding(field):
    assert encode_amount(decode_amount(field)) == field


@given(UNITS)
def test_encoding_gives_the_next_amount_that_exists(units):
    decoded = decode_amount(encode_amount(units))

    assert units <= decoded < units + 1000
    assert largest_representable_at_most(decoded) == decoded
    below = decoded if decoded == units else decode_amount(encode_amount(decoded) - 1)
    assert largest_representable_at_most(units) == below


def test_largest_representable_stays_within_a_token():
    assert largest_representable_at_most(UNITS_MAX + 5) == UNITS_MAX


def test_largest_representable_of_a_debt_is_refused():
    with pytest.raises(OutOfRange):
        largest_representable_at_most(-1)


@given(st.integers(0, 5 * UNITS_MAX))
def test_split_parts_are_exact_and_add_up(units):
    parts = split_units(units)

    assert sum(parts) == units
    assert all(decode_amount(encode_amount(part)) == part for part in parts)


@given(st.integers(1, 50_000), st.integers(1, 50))
def test_split_parts_stay_below_the_maximum(maximum, factor):
    parts = split_units(maximum * factor // 3, maximum)

    assert max(parts, default=0) <= maximum


@pytest.mark.parametrize(("units", "maximum"), [(TOKENS_MAX + 1, 1), (-1, 10), (5, 0)])
def test_split_that_cannot_be_made_is_refused(units, maximum):
    with pytest.raises(OutOfRange):
        split_units(units, maximum)


@given(st.integers(-CURRENCY_MAX, CURRENCY_MAX))
def test_currency_is_rounded_for_the_customer(amount):
    decoded = decode_currency(*encode_currency(amount))

    assert decoded >= amount
    assert abs(decoded - amount) <= max(abs(amount) // 1600, 0)


@given(st.integers(0, 15), st.integers(0, 0xFFFF))
def test_every_currency_field_is_its_own_encoding(sign_exponent, field):
    amount = decode_currency(sign_exponent, field)

    assert encode_currency(amount) == ((sign_exponent, field) if amount else (0, 0))


def test_negative_currency_between_exponents_takes_the_smaller_magnitude():
    assert decode_currency(*encode_currency(-180_220)) == -180_214


def test_currency_beyond_its_fields_is_refused():
    with pytest.raises(OutOfRange):
        encode_currency(CURRENCY_MAX + 1)
    with pytest.raises(OutOfRange):
        decode_currency(16, 0)
