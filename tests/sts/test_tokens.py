from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.sts.amounts import UNITS_MAX, decode_amount, encode_amount, split_units
from gridtill.sts.assembly import group_token, normalize_token, seal, unseal
from gridtill.sts.errors import OutOfRange, StsError, WrongClass, WrongCrc, WrongDigit, WrongKey, WrongLength
from gridtill.sts.keychange import key_change_tokens
from gridtill.sts.keys import DecoderKey, KeyContext
from gridtill.sts.pan import MeterPan
from gridtill.sts.tokens import (
    decode,
    encode_credit,
    encode_currency_credit,
    encode_data,
    encode_management,
    encode_test,
)

pytestmark = pytest.mark.unit
MISTY_KEY = DecoderKey("11", bytes(range(16)))
STA_KEY = DecoderKey("07", bytes.fromhex("0abc12def3456789"))
KEYS = st.one_of(
    st.builds(DecoderKey, st.just("11"), st.binary(min_size=16, max_size=16)),
    st.builds(DecoderKey, st.just("07"), st.binary(min_size=8, max_size=8)),
)
IDENTIFIERS = st.integers(0, (1 << 24) - 1)
NIBBLES = st.integers(0, 15)
NEW = KeyContext(MeterPan.from_drn("12345678903"), "203557", "02", 6, base_date=2035)


def test_worked_example_encodes_and_decodes():
    digits = encode_data(0, 0x0B19EB230100, STA_KEY)
    token = decode(digits, STA_KEY)

    assert digits == "51043465443420856213"
    assert (token.random_nibble, token.token_identifier, token.units) == (0xB, 0x19EB23, 256)


@given(KEYS, st.integers(0, UNITS_MAX), IDENTIFIERS, NIBBLES, st.integers(0, 3))
def test_quantity_survives_its_token(key, units, identifier, nibble, subclass):
    token = decode(encode_credit(key, units, identifier, nibble, subclass), key)

    carried = decode_amount(encode_amount(units))
    assert (token.token_class, token.subclass, token.value) == (0, subclass, carried)
    assert (token.token_identifier, token.random_nibble) == (identifier, nibble)
    assert token.energy_wh == (carried * 100 if subclass == 0 else None)


@given(st.integers(0, 3 * UNITS_MAX), IDENTIFIERS)
def test_split_sale_decodes_to_exactly_what_was_sold(units, identifier):
    digits = [encode_credit(MISTY_KEY, part, identifier, 0) for part in split_units(units)]

    assert sum(decode(token, MISTY_KEY).units for token in digits) == units


@given(KEYS, st.integers(-(10**12), 10**12), IDENTIFIERS, st.integers(4, 7))
def test_money_survives_its_token(key, amount, identifier, subclass):
    token = decode(encode_currency_credit(key, amount, identifier, subclass), key)

    assert amount <= token.value <= amount + abs(amount) // 1600
    assert (token.subclass, token.token_identifier, token.units) == (subclass, identifier, None)


@given(KEYS, IDENTIFIERS, NIBBLES, st.integers(0, 0xFFFF))
@pytest.mark.parametrize("subclass", [1, 2, 7, 10])
def test_management_value_survives_its_token(subclass, key, identifier, nibble, value):
    token = decode(encode_management(key, subclass, value, identifier, nibble), key)

    assert (token.token_class, token.subclass, token.value) == (2, subclass, value)
    assert (token.token_identifier, token.random_nibble) == (identifier, nibble)


@pytest.mark.parametrize(("subclass", "value", "read"), [(0, 20_000, 20_004), (6, 256, 256), (5, 0, 0)])
def test_watts_are_written_as_an_amount(subclass, value, read):
    assert decode(encode_management(MISTY_KEY, subclass, value, 100, 5), MISTY_KEY).value == read


@given(st.integers(0, (1 << 28) - 1), st.integers(0, 0xFF), st.integers(0, 1))
def test_test_token_is_read_without_a_key(control, manufacturer, subclass):
    token = decode(encode_test(subclass, control, manufacturer))

    assert token.data == subclass << 44 | control << (16 if subclass else 8) | manufacturer
    assert (token.token_class, token.value, token.token_identifier) == (1, None, None)


@given(st.integers(0, 19), st.integers(1, 9))
def test_single_wrong_digit_never_reads_as_the_sale(at, step):
    digits = encode_credit(MISTY_KEY, 322, 6_612_480, 5)
    wrong = digits[:at] + str((int(digits[at]) + step) % 10) + digits[at + 1 :]

    # One in 65536 wrong tokens checks by chance, but never with the content of the right one.
    with suppress(WrongCrc, WrongClass, OutOfRange):
        assert decode(wrong, MISTY_KEY) != decode(digits, MISTY_KEY)


def test_token_of_another_meter_does_not_check():
    with pytest.raises(WrongCrc):
        decode(encode_credit(MISTY_KEY, 322, 100, 5), DecoderKey("11", bytes(16)))


@pytest.mark.parametrize(
    ("digits", "error"),
    [
        ("1" * 19, WrongLength),
        ("1" * 21, WrongLength),
        ("1" * 19 + "x", WrongDigit),
        ("", WrongDigit),
        ("73786976294838206464", OutOfRange),
        (seal(3, 0), WrongClass),
    ],
)
def test_digits_that_are_no_token_are_refused(digits, error):
    with pytest.raises(error):
        decode(digits, MISTY_KEY)


@given(st.text(max_size=30))
def test_any_text_is_decoded_or_refused(text):
    with pytest.raises(StsError):
        decode(text, DecoderKey("11", bytes(16)))


@given(st.integers(0, 3), st.integers(0, (1 << 64) - 1))
def test_seal_and_unseal_agree(token_class, block):
    digits = seal(token_class, block)

    assert unseal(digits) == (token_class, block)
    assert normalize_token(group_token(digits)) == digits


def test_reserved_credit_subclass_has_no_value():
    token = decode(encode_data(0, 9 << 44 | 77, MISTY_KEY), MISTY_KEY)

    assert (token.subclass, token.value, token.token_identifier) == (9, None, None)


def test_encrypted_token_without_a_key_is_refused():
    with pytest.raises(WrongKey):
        decode("51043465443420856213")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: encode_credit(MISTY_KEY, 1, 0, 0, 4), WrongClass),
        (lambda: encode_credit(MISTY_KEY, 1, 1 << 24, 0), OutOfRange),
        (lambda: encode_credit(MISTY_KEY, 1, 0, 16), OutOfRange),
        (lambda: encode_currency_credit(MISTY_KEY, 1, 0, 3), WrongClass),
        (lambda: encode_management(MISTY_KEY, 3, 0, 0, 0), WrongClass),
        (lambda: encode_management(MISTY_KEY, 5, 1, 0, 0), OutOfRange),
        (lambda: encode_management(MISTY_KEY, 1, 0x10000, 0, 0), OutOfRange),
        (lambda: encode_test(2, 0), WrongClass),
        (lambda: encode_test(0, 1 << 36), OutOfRange),
        (lambda: encode_test(0, 0, 256), OutOfRange),
        (lambda: encode_data(3, 0, MISTY_KEY), WrongClass),
        (lambda: encode_data(0, 1 << 48, MISTY_KEY), OutOfRange),
    ],
)
def test_token_that_cannot_be_written_is_refused(make, error):
    with pytest.raises(error):
        make()


def test_four_sections_carry_a_key_of_sixteen_bytes():
    new_key = DecoderKey("11", bytes.fromhex("00112233445566778899aabbccddeeff"))

    tokens = key_change_tokens(MISTY_KEY, new_key, NEW, new_key_expiry=0xAB, rollover=True)

    assert [f"{decode(token, MISTY_KEY).data:012x}" for token in tokens] == [
        "3a6a00112233",
        "4b02ccddeeff",
        "8b2544556677",
        "90318899aabb",
    ]
    assert {decode(token, MISTY_KEY).token_class for token in tokens} == {2}


@pytest.mark.parametrize(
    ("with_supply_group", "expected"),
    [(False, ["3f6200112233", "4f0244556677"]), (True, ["3f6600112233", "4f0244556677", "8031b2500000"])],
)
def test_two_or_three_sections_carry_a_key_of_eight_bytes(with_supply_group, expected):
    new_key = DecoderKey("07", bytes.fromhex("0011223344556677"))

    tokens = key_change_tokens(
        STA_KEY, new_key, NEW, new_key_expiry=255, rollover=False, with_supply_group=with_supply_group
    )

    assert [f"{decode(token, STA_KEY).data:012x}" for token in tokens] == expected


def test_key_expiry_above_a_byte_is_refused():
    with pytest.raises(OutOfRange):
        key_change_tokens(MISTY_KEY, MISTY_KEY, NEW, new_key_expiry=256, rollover=False)
