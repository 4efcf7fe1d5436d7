"""Records of cards: every byte has its place, and nothing altered, copied or cut is believed."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.cards import keys as k
from gridtill.cards.errors import FieldInvalid, Malformed, NotGenuine
from gridtill.cards.fields import Field, Form, packed, unpacked
from gridtill.cards.records import (
    Addressee,
    Bind,
    Order,
    Purpose,
    Record,
    Return,
    ShortReturn,
    explain,
    framed,
    open_order,
    seal_order,
    unframed,
)

pytestmark = pytest.mark.unit
CSN = bytes.fromhex("0102030405060708")
HOME = Addressee(CSN, "37000000015", "100001")
KEYS = k.MeterKeys.of(bytes(range(16)), bytes(range(16, 32)))
ISSUED = datetime(2026, 11, 23, 9, 30)
ORDER = Order(
    purpose=Purpose.PURCHASE,
    sequence=7,
    amount=5_000,
    total=35_000,
    order_id=b"order1",
    authority=12,
    authority_counter=345,
    issued=ISSUED,
)
RETURN = Return(generation=3, sequence=6, remaining=-250, total=30_000, active=29_750, at=ISSUED, status=3)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "bb1d6929e95937287fa37d129b756746"),
        ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"),
        (
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
            "dfa66747de9ae63030ca32611497c827",
        ),
    ],
)
def test_cmac_agrees_with_rfc_4493(message, code):
    assert k.cmac(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), bytes.fromhex(message)).hex() == code


def test_a_key_of_another_length_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        k.cmac(bytes(8), b"")


def test_every_key_is_its_own():
    master, meter = bytes(16), packed("37000000015", 6)
    made = [
        k.meter_key(master, meter),
        k.server_meter_key(master, meter),
        k.vend_key(master, CSN),
        k.issue_key(master, CSN),
        k.authority_key(master, b"\0\0\x0c"),
        KEYS.meter,
        KEYS.order,
        KEYS.order_server,
        KEYS.returned,
        KEYS.card(CSN),
    ]

    assert len(set(made)) == len(made)
    assert "00" not in repr(KEYS)


@pytest.mark.parametrize(("kind", "stored"), [(Bind, 43), (Order, 51), (Return, 51), (ShortReturn, 39)])
def test_records_have_the_sizes_that_the_cards_are_laid_out_for(kind, stored):
    assert kind.stored_size() == stored


def test_bind_lies_in_bytes_as_its_table_says():
    bind = Bind("100001", "37000000015", "B", overdraft=500, grace_hours=4, alarm_1=1000, alarm_2=500, generation=2)

    body = bind.body().hex(" ")
    assert body == ("00 00 00 10 00 01 03 70 00 00 00 15 42 00 00 01 f4 04 00 00 03 e8 00 00 01 f4 00 00 00 00 02")


def test_bind_comes_back_as_it_was():
    bind = Bind("000000100001", "037000000015", "C", hoard=2**32 - 1)

    assert Bind.open(bind.seal(KEYS.order, CSN), KEYS.order, CSN) == bind
    assert Bind.read(bind.seal(KEYS.order, CSN)) == bind


NUMBERS = st.integers(0, 2**32 - 1)
ORDERS = st.builds(
    Order,
    purpose=st.sampled_from(Purpose),
    sequence=NUMBERS,
    amount=NUMBERS,
    total=NUMBERS,
    order_id=st.binary(min_size=6, max_size=6),
    authority=st.integers(0, 2**24 - 1),
    authority_counter=NUMBERS,
    issued=st.datetimes(datetime(2000, 1, 1), datetime(2068, 12, 31)).map(
        lambda at: at.replace(second=0, microsecond=0)
    ),
    flags=st.integers(0, 255),
    key_version=st.integers(0, 255),
)


@given(ORDERS)
def test_an_order_comes_back_as_it_was(order):
    found = open_order(seal_order(order, KEYS, HOME), KEYS, HOME)

    assert replace(found, server_code=order.server_code) == order


@given(st.integers(-(2**31), 2**31 - 1), NUMBERS, st.integers(0, 65535))
def test_a_return_comes_back_and_its_short_form_too(remaining, total, status):
    record = replace(RETURN, remaining=remaining, total=total, status=status)

    assert Return.open(record.seal(KEYS.returned, HOME.of_return()), KEYS.returned, HOME.of_return()) == record
    short = ShortReturn.open(record.short().seal(KEYS.returned, HOME.of_return()), KEYS.returned, HOME.of_return())
    assert asdict(short).items() <= asdict(record).items()


@given(st.integers(0, 50), st.integers(1, 255))
def test_no_altered_byte_is_believed(place, change):
    stored = bytearray(seal_order(ORDER, KEYS, HOME))
    stored[place] ^= change

    with pytest.raises((Malformed, NotGenuine)):
        open_order(bytes(stored), KEYS, HOME)


@given(st.integers(2, 40), st.integers(1, 255))
def test_nor_one_whose_check_sum_was_mended(place, change):
    stored = bytearray(seal_order(ORDER, KEYS, HOME))
    stored[place] ^= change
    stored[-2] = sum(stored[1:-2]) & 0xFF

    with pytest.raises((Malformed, NotGenuine)):
        open_order(bytes(stored), KEYS, HOME)


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(HOME, csn=bytes(8)),
        replace(HOME, meter="37000000023"),
        replace(HOME, customer="100002"),
    ],
)
def test_a_copied_order_is_worthless_elsewhere(elsewhere):
    with pytest.raises(NotGenuine):
        open_order(seal_order(ORDER, KEYS, HOME), KEYS, elsewhere)


def test_an_authority_card_alone_sells_nothing():
    # Everything that a desk's card knows, without the server's key.
    forged = ORDER.agreed(bytes(16), HOME).seal(KEYS.order, HOME.of_order())

    with pytest.raises(NotGenuine, match="server did not agree"):
        open_order(forged, KEYS, HOME)


def test_the_servers_consent_leaves_the_cards_counter_free():
    agreed = ORDER.agreed(KEYS.order_server, HOME)

    assert replace(agreed, authority_counter=999).is_agreed(KEYS.order_server, HOME)
    assert not replace(agreed, amount=5_001).is_agreed(KEYS.order_server, HOME)
    assert not replace(agreed, authority=13).is_agreed(KEYS.order_server, HOME)


def test_types_are_not_taken_for_each_other():
    stored = RETURN.short().seal(KEYS.returned, HOME.of_return())

    with pytest.raises(Malformed, match="type 18, not 17"):
        Return.read(stored)


@pytest.mark.parametrize("stored", [b"", b"\x68\x16", bytes(51), b"\xff" * 51, b"\x68" * 51])
def test_what_is_no_record_is_said(stored):
    with pytest.raises(Malformed):
        Order.read(stored)
    with pytest.raises(Malformed):
        explain(stored)


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_in_one_family(stored):
    for kind in (Bind, Order, Return, ShortReturn):
        with pytest.raises(Malformed):
            kind.read(stored)


def test_a_frame_of_another_length_is_refused_even_if_its_sum_holds():
    with pytest.raises(Malformed, match="should have"):
        Order.read(framed(Order.TYPE, bytes(5), bytes(8)))
    assert unframed(2, framed(2, b"ab", bytes(8))) == (b"ab", bytes(8))


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (replace(ORDER, amount=-1), "amount"),
        (replace(ORDER, amount=2**32), "amount"),
        (replace(ORDER, amount="1"), "amount"),
        (replace(ORDER, order_id=b"long order"), "order_id"),
        (replace(ORDER, issued="now"), "issued"),
        (Bind("1234567890123", "1"), "customer"),
        (Bind("12a", "1"), "customer"),
        (Bind("1", "1", "AB"), "overuse"),
        (Bind("1", "1", "é"), "overuse"),
    ],
)
def test_values_without_room_are_named(record: Record, field):
    with pytest.raises(FieldInvalid) as refused:
        record.body()

    assert refused.value.field == field


def test_a_card_number_has_eight_bytes():
    with pytest.raises(Malformed):
        Addressee(b"short", "1", "1")


def test_digits_that_are_none_are_malformed():
    with pytest.raises(Malformed, match="issued"):
        Field("issued", 5, Form.MINUTE, "").decode(bytes.fromhex("ffffffffff"))
    with pytest.raises(Malformed, match="overuse"):
        Field("overuse", 1, Form.LETTER, "").decode(b"\xff")
    assert unpacked(packed("42", 3)) == "000042"


def test_explaining_names_every_byte():
    rows = explain(seal_order(ORDER, KEYS, HOME))

    assert [name for name, *_rest in rows][:3] == ["purpose", "flags", "sequence"]
    assert "".join(octets for _name, octets, *_rest in rows) == seal_order(ORDER, KEYS, HOME)[2:-2].hex()
    assert {name: value for name, _octets, value, _meaning in rows}["amount"] == 5_000


def test_explaining_does_not_stumble_over_what_spells_nothing():
    body = bytearray(ORDER.body())
    body[-12:-7] = b"\xff" * 5
    rows = {name: value for name, _octets, value, _meaning in explain(framed(Order.TYPE, bytes(body), bytes(8)))}
    short = explain(framed(Order.TYPE, bytes(5), bytes(8)))

    assert rows["issued"] is None
    assert short[2][1:3] == ("000000", None)
