"""Whatever the keys, tables and contents: the quick tokens are those of the slow rules in ``naive``."""

from dataclasses import astuple
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sts import naive

from gridtill.sts import misty1, sta
from gridtill.sts.amounts import CURRENCY_MAX, UNITS_MAX
from gridtill.sts.crc import checksum
from gridtill.sts.errors import WrongClass, WrongCrc
from gridtill.sts.keys import DecoderKey, KeyContext, derive_decoder_key
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
SAMPLE = naive.Tables(sta.SAMPLE_TABLES.substitution_1, sta.SAMPLE_TABLES.substitution_2, sta.SAMPLE_TABLES.permutation)
BLOCKS = st.integers(0, (1 << 64) - 1)
BOXES = st.permutations(range(16)).map(tuple)
TABLES = st.builds(naive.Tables, BOXES, BOXES, st.permutations(range(64)).map(tuple))
KEYS = st.one_of(
    st.builds(naive.Key, st.just("11"), st.binary(min_size=16, max_size=16), st.none()),
    st.builds(naive.Key, st.just("07"), st.binary(min_size=8, max_size=8), st.just(SAMPLE)),
)
DATA = st.integers(0, (1 << 48) - 1)
IDENTIFIERS = st.integers(0, (1 << 24) - 1)
NIBBLES = st.integers(0, 15)
# Half of them where the exponents begin, which is where rounding goes wrong.
EDGES = [0, 16383, 16384, 16385, 180214, 180215, 180223, 180224, 1818524, 1818525, 1818624, UNITS_MAX]
UNITS = st.one_of(st.integers(0, UNITS_MAX), st.sampled_from(EDGES))


@st.composite
def money(draw):
    top = naive.amount(draw(st.integers(0, 31)), draw(st.integers(0, 1 << 14)))
    size = min(max(top + draw(st.integers(-20, 20)), 0), CURRENCY_MAX)
    return draw(st.sampled_from([-1, 1])) * size


@st.composite
def meter_numbers(draw):
    size = draw(st.sampled_from([10, 12]))
    body = str(draw(st.integers(0, 10**size - 1))).zfill(size)
    return body + naive.luhn(body)


METERS = st.builds(
    SimpleNamespace,
    drn=meter_numbers(),
    group=st.integers(0, 999_999).map("{:06d}".format),
    tariff=st.integers(0, 99).map("{:02d}".format),
    revision=st.integers(1, 9),
    key_type=st.integers(0, 3),
    base=st.sampled_from([1993, 2014, 2035]),
)


def context(meter, algorithm):
    return KeyContext(
        MeterPan.from_drn(meter.drn),
        meter.group,
        meter.tariff,
        meter.revision,
        key_type=meter.key_type,
        base_date=meter.base,
        algorithm=algorithm,
    )


def quick(key: naive.Key) -> DecoderKey:
    if key.tables is None:
        return DecoderKey(key.algorithm, key.octets)
    return DecoderKey(key.algorithm, key.octets, sta.StaTables(*key.tables))


def odd(octet: int) -> int:
    return octet ^ (octet.bit_count() + 1) % 2


@given(st.binary(min_size=20, max_size=20), METERS, st.sampled_from(["07", "11"]))
def test_key_of_algorithm_04_is_that_of_the_rules(vending_key, meter, algorithm):
    pan = naive.account_number(meter.drn)
    expected = naive.derive_04(
        vending_key, pan, meter.group, meter.tariff, meter.revision, meter.key_type, meter.base, algorithm
    )

    assert context(meter, algorithm).pan.digits == pan
    assert derive_decoder_key(vending_key, context(meter, algorithm)).octets == expected


@given(st.binary(min_size=8, max_size=8).map(lambda key: bytes(map(odd, key))), METERS)
def test_key_of_algorithm_02_is_that_of_the_rules(vending_key, meter):
    pan = naive.account_number(meter.drn)
    expected = naive.derive_02(vending_key, pan, meter.group, meter.tariff, meter.revision, meter.key_type)

    assert derive_decoder_key(vending_key, context(meter, "07"), "02").octets == expected


@given(st.binary(min_size=16, max_size=16), BLOCKS)
def test_misty1_is_that_of_the_rules(key, block):
    assert misty1.encrypt(key, block) == int(naive.misty1_encrypt(key, naive.bits(block, 64)), 2)
    assert misty1.decrypt(key, block) == int(naive.misty1_decrypt(key, naive.bits(block, 64)), 2)


@given(st.binary(min_size=8, max_size=8), BLOCKS)
def test_sta_with_the_sample_tables_is_that_of_the_rules(key, block):
    assert sta.encrypt(key, block) == int(naive.sta_encrypt(key, naive.bits(block, 64), SAMPLE), 2)
    assert sta.decrypt(key, block) == int(naive.sta_decrypt(key, naive.bits(block, 64), SAMPLE), 2)


# Each set of tables is compiled anew, which takes its time.
@settings(deadline=None, max_examples=40)
@given(st.binary(min_size=8, max_size=8), TABLES, UNITS, IDENTIFIERS, NIBBLES)
def test_token_of_any_sta_tables_is_that_of_the_rules(octets, tables, units, identifier, nibble):
    key = naive.Key("07", octets, tables)
    digits = encode_credit(quick(key), units, identifier, nibble)

    assert digits == naive.make_quantity(key, units, identifier, nibble, 0)
    assert astuple(decode(digits, quick(key))) == naive.read(digits, key)


@given(st.integers(0, 2), DATA)
def test_check_sum_is_that_of_the_rules(token_class, data):
    currency = token_class == 0 and data >> 44 in range(4, 8)

    found = checksum(token_class, data, currency=currency)

    assert found == int(naive.check_sum(token_class, naive.bits(data, 48)), 2)


@given(KEYS, UNITS, IDENTIFIERS, NIBBLES, st.integers(0, 3))
def test_quantity_is_written_by_the_rules(key, units, identifier, nibble, subclass):
    assert encode_credit(quick(key), units, identifier, nibble, subclass) == naive.make_quantity(
        key, units, identifier, nibble, subclass
    )


@given(KEYS, money(), IDENTIFIERS, st.integers(4, 7))
def test_money_is_written_by_the_rules(key, value, identifier, subclass):
    assert encode_currency_credit(quick(key), value, identifier, subclass) == naive.make_money(
        key, value, identifier, subclass
    )


@given(KEYS, st.sampled_from([0, 1, 5, 6, 10]), st.integers(0, 0xFFFF), IDENTIFIERS, NIBBLES)
def test_management_is_written_by_the_rules(key, subclass, value, identifier, nibble):
    carried = 0 if subclass == 5 else value

    assert encode_management(quick(key), subclass, carried, identifier, nibble) == naive.make_management(
        key, subclass, carried, identifier, nibble
    )


@given(st.integers(0, 1), st.integers(0, (1 << 28) - 1), st.integers(0, 0xFF))
def test_meter_test_is_written_by_the_rules(subclass, control, manufacturer):
    assert encode_test(subclass, control, manufacturer) == naive.make_test(subclass, control, manufacturer)


@given(KEYS, st.integers(0, 2), DATA)
def test_any_data_of_any_class_are_written_and_read_by_the_rules(key, token_class, data):
    digits = encode_data(token_class, data, quick(key))

    assert digits == naive.make(token_class, naive.bits(data, 48), key)
    assert astuple(decode(digits, quick(key))) == naive.read(digits, key)


def outcome(digits: str, key: naive.Key) -> object:
    try:
        return astuple(decode(digits, quick(key)))
    except WrongCrc:
        return None


@given(KEYS, st.integers(0, (1 << 66) - 1))
def test_any_digits_are_read_or_refused_by_the_rules(key, number):
    digits = f"{number:020d}"
    if number >> 27 & 3 == 3:
        with pytest.raises(WrongClass):
            decode(digits, quick(key))
    else:
        assert outcome(digits, key) == naive.read(digits, key)
