"""A meter takes what was made for it once, and nothing else changes it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtill.sts.acceptance import ALL_REGISTERS, MeterState, Verdict, accept, power_cycled
from gridtill.sts.keychange import key_change_tokens
from gridtill.sts.keys import DecoderKey, KeyContext
from gridtill.sts.pan import MeterPan
from gridtill.sts.tokens import (
    CreditSubclass,
    TokenClass,
    encode_credit,
    encode_currency_credit,
    encode_data,
    encode_management,
    encode_test,
)

pytestmark = pytest.mark.unit
KEY = DecoderKey("11", bytes(range(16)))
NEW_KEY = DecoderKey("11", bytes(range(16, 32)))
STA_KEY = DecoderKey("07", bytes(range(8)))
NEW_STA_KEY = DecoderKey("07", bytes(range(8, 16)))
PAN = MeterPan.from_drn("12345678903")
MINUTE = 6_612_480


def meter(**changes: object) -> MeterState:
    return replace(MeterState(KEY), **changes)  # type: ignore[arg-type]


def credit(units: int = 322, minute: int = MINUTE, key: DecoderKey = KEY) -> str:
    return encode_credit(key, units, minute, 5)


def keyed_in(state: MeterState, *tokens: str, at: int = 0) -> tuple[list[str], MeterState]:
    verdicts = []
    for token in tokens:
        answer = accept(state, token, at=at)
        verdicts.append(str(answer.verdict))
        state = answer.state
    return verdicts, state


def change_set(old: DecoderKey, new: DecoderKey, *, third: bool = False, **to: object) -> tuple[str, ...]:
    rollover = bool(to.pop("rollover", False))
    told: dict[str, object] = {
        "supply_group_code": "203557",
        "tariff_index": "03",
        "key_revision": 6,
        "key_type": 2,
        "base_date": 2035 if rollover else 2014,
        "algorithm": new.algorithm,
    }
    context = KeyContext(PAN, **(told | to))  # type: ignore[arg-type]
    return key_change_tokens(old, new, context, new_key_expiry=170, rollover=rollover, with_supply_group=third)


def test_a_credit_is_taken_once() -> None:
    verdicts, state = keyed_in(meter(), credit(), credit(), credit(minute=MINUTE + 1))

    assert verdicts == ["Accept", "UsedError", "Accept"]
    assert state.credit == {0: 644}


def test_another_meters_token_does_not_check() -> None:
    verdicts, state = keyed_in(meter(), credit(key=NEW_KEY))

    assert verdicts == ["CRCError"]
    assert state.credit == {}


@pytest.mark.parametrize("entry", ["", "123", "1" * 21, "9" * 20, "2257096085337858345x", "２" * 20])
def test_what_is_no_token_is_a_format_error(entry: str) -> None:
    assert accept(meter(), entry, at=0).verdict is Verdict.FORMAT


def test_a_reserved_class_is_no_function() -> None:
    """Class bits 3 stand at 28 and 27 of the number."""
    assert accept(meter(), f"{3 << 27:020d}", at=0).verdict is Verdict.FUNCTION


@pytest.mark.parametrize(
    "token",
    [
        encode_credit(KEY, 1, MINUTE, 5, CreditSubclass.WATER),
        encode_currency_credit(KEY, 1, MINUTE),
        encode_data(TokenClass.CREDIT, 9 << 44, KEY),
        encode_data(TokenClass.MANAGEMENT, 2 << 44, KEY),
        encode_data(TokenClass.MANAGEMENT, 12 << 44, KEY),
        encode_management(KEY, 10, 1, MINUTE, 5),
    ],
)
def test_a_function_that_the_meter_lacks_changes_nothing(token: str) -> None:
    state = meter(credit={0: 5})

    answer = accept(state, token, at=0)

    assert answer.verdict is Verdict.FUNCTION
    assert answer.state == replace(state, wrong_entries=1)


def test_a_water_meter_takes_water() -> None:
    state = meter(subclasses=frozenset((CreditSubclass.WATER, CreditSubclass.WATER_CURRENCY)))

    verdicts, state = keyed_in(
        state,
        encode_credit(KEY, 7, MINUTE, 5, CreditSubclass.WATER),
        encode_currency_credit(KEY, 1_00000, MINUTE + 1, CreditSubclass.WATER_CURRENCY),
        credit(minute=MINUTE + 2),
    )

    assert verdicts == ["Accept", "Accept", "FunctionError"]
    # Money has steps above the exact range, rounded for the customer.
    assert state.credit == {1: 7, 5: 100_004}


@pytest.mark.parametrize("key_type", [0, 1])
def test_a_default_key_carries_management_but_no_credit(key_type: int) -> None:
    verdicts, state = keyed_in(meter(key_type=key_type), credit(), encode_management(KEY, 0, 4000, MINUTE, 5))

    assert verdicts == ["DDTKError", "Accept"]
    assert (state.credit, state.power_limit_w) == ({}, 4000)


def test_a_key_expires_with_its_last_minute() -> None:
    last = 85 << 16 | 0xFFFF

    verdicts, _state = keyed_in(meter(key_expiry=85), credit(minute=last), credit(minute=last + 1))

    assert verdicts == ["Accept", "KeyExpiredError"]


def test_tokens_come_in_any_order_while_the_store_remembers() -> None:
    """Fifty places: the fifty-first newer one pushes the oldest out, which then counts as old."""
    minutes = [MINUTE + number for number in range(51)]
    late = random.Random(7).sample(minutes[1:], 50)

    verdicts, state = keyed_in(meter(), *(credit(1, minute) for minute in late))

    assert verdicts == ["Accept"] * 50
    assert keyed_in(state, credit(1, minutes[0]))[0] == ["OldError"]
    assert keyed_in(state, credit(1, minutes[1]))[0] == ["UsedError"]
    assert keyed_in(state, credit(1, MINUTE + 60), credit(1, minutes[1]))[0] == ["Accept", "OldError"]


def test_an_overflow_leaves_the_token_good_for_later() -> None:
    full = meter(credit={0: 10**9})

    verdicts, state = keyed_in(full, credit(1))

    assert verdicts == ["OverflowError"]
    assert keyed_in(replace(state, credit={0: 0}), credit(1))[0] == ["Accept"]


def test_management_tokens_do_what_they_say() -> None:
    verdicts, state = keyed_in(
        meter(credit={0: 500}, is_tampered=True),
        encode_management(KEY, 0, 4000, MINUTE, 5),
        encode_management(KEY, 6, 300, MINUTE + 1, 5),
        encode_management(KEY, 5, 0, MINUTE + 2, 5),
        encode_management(KEY, 1, 1, MINUTE + 3, 5),
        encode_management(KEY, 1, 0, MINUTE + 4, 5),
    )

    assert verdicts == ["Accept", "Accept", "Accept", "RangeError", "Accept"]
    assert (state.power_limit_w, state.unbalance_limit_w, state.is_tampered) == (4000, 300, False)
    assert state.credit == {0: 0}


def test_all_registers_are_cleared_at_once() -> None:
    verdicts, state = keyed_in(meter(credit={0: 5}), encode_management(KEY, 1, ALL_REGISTERS, MINUTE, 5))

    assert (verdicts, state.credit) == (["Accept"], {})


@pytest.mark.parametrize(
    ("token", "verdict"),
    [
        (encode_test(0, 1), Verdict.ACCEPT),
        (encode_test(0, 1, 42), Verdict.ACCEPT),
        (encode_test(0, 1, 43), Verdict.MANUFACTURER),
        (encode_test(1, 1, 0), Verdict.ACCEPT),
        (encode_test(1, 1, 4200), Verdict.MANUFACTURER),
        (encode_data(TokenClass.TEST, 2 << 44, None), Verdict.FUNCTION),
    ],
)
def test_a_test_is_for_every_make_or_for_one(token: str, verdict: Verdict) -> None:
    answer = accept(meter(manufacturer=42), token, at=0)

    assert answer.verdict is verdict
    assert answer.state.wrong_entries == 0


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_four_sections_in_any_order_change_the_key(order: tuple[int, ...]) -> None:
    tokens = change_set(KEY, NEW_KEY)

    verdicts, state = keyed_in(meter(credit={0: 5}, identifiers=(1,) * 50), *(tokens[index] for index in order))

    names = ["1stKCT", "2ndKCT", "3rdKCT", "4thKCT"]
    assert verdicts == [*(names[index] for index in order[:3]), "Accept"]
    assert state.key == NEW_KEY
    assert (state.supply_group_code, state.tariff_index, state.key_revision) == ("203557", "03", 6)
    assert (state.key_expiry, state.key_type, state.base_date) == (170, 2, 2014)
    assert (state.credit, state.identifiers, state.sections) == ({0: 5}, (1,) * 50, {})
    assert keyed_in(state, credit(), credit(key=NEW_KEY))[0] == ["CRCError", "Accept"]


def test_a_new_base_date_forgets_the_identifiers() -> None:
    _verdicts, state = keyed_in(meter(identifiers=(MINUTE,) * 50), *change_set(KEY, NEW_KEY, rollover=True))

    assert (state.base_date, state.identifiers) == (2035, (0,) * 50)
    assert keyed_in(state, credit(minute=10, key=NEW_KEY))[0] == ["Accept"]


def test_the_last_base_date_has_none_after_it() -> None:
    _verdicts, state = keyed_in(meter(base_date=2035), *change_set(KEY, NEW_KEY, rollover=True))

    assert state.base_date == 2035


@pytest.mark.parametrize(("third", "group"), [(False, "000000"), (True, "203557")])
def test_a_meter_of_the_older_algorithm_takes_two_or_three(third: bool, group: str) -> None:
    tokens = change_set(STA_KEY, NEW_STA_KEY, third=third)

    for order in (tokens, tokens[::-1]):
        verdicts, state = keyed_in(MeterState(STA_KEY), *order)
        assert verdicts[-1] == "Accept"
        assert (state.key, state.supply_group_code) == (NEW_STA_KEY, group)


def test_the_older_algorithm_has_no_fourth_section() -> None:
    token = encode_data(TokenClass.MANAGEMENT, 9 << 44, STA_KEY)

    assert accept(MeterState(STA_KEY), token, at=0).verdict is Verdict.FUNCTION


def test_a_section_waits_ten_minutes_for_the_others() -> None:
    first, *others = change_set(KEY, NEW_KEY)
    _verdicts, state = keyed_in(meter(), first, at=0)

    assert keyed_in(state, *others, at=600)[0][-1] == "Accept"
    assert keyed_in(state, *others, at=601)[0] == ["2ndKCT", "3rdKCT", "4thKCT"]
    assert keyed_in(power_cycled(state), *others, at=1)[0] == ["2ndKCT", "3rdKCT", "4thKCT"]


@pytest.mark.parametrize(
    ("old", "new", "verdict"), [(2, 0, "KeyTypeError"), (0, 0, "1stKCT"), (2, 3, "KeyTypeError"), (1, 2, "1stKCT")]
)
def test_a_keypad_meter_is_choosy_about_key_types(old: int, new: int, verdict: str) -> None:
    assert keyed_in(meter(key_type=old), change_set(KEY, NEW_KEY, key_type=new)[0])[0] == [verdict]


def test_wrong_entries_lock_the_keypad_for_longer_each_time() -> None:
    state = meter(lock_after=3)
    verdicts, state = keyed_in(state, "1", "1", "1")
    assert (verdicts, state.locked_until) == (["FormatError"] * 3, 10)

    # Nothing counts while it is locked; a test is still answered, and unlocks nothing.
    verdicts, locked = keyed_in(state, credit(), "1", encode_test(0, 1), at=9)
    assert (verdicts, locked) == (["Lockout", "Lockout", "Accept"], state)

    verdicts, state = keyed_in(state, "1", at=10)
    assert (verdicts, state.locked_until) == (["FormatError"], 30)
    for _ in range(20):
        _verdicts, state = keyed_in(state, "1", at=state.locked_until)
    at = state.locked_until
    _verdicts, state = keyed_in(state, "1", at=at)
    assert state.locked_until == at + 1280

    assert keyed_in(power_cycled(state), credit(), at=at)[0] == ["Accept"]
    verdicts, state = keyed_in(state, credit(), at=state.locked_until)
    assert (verdicts, state.wrong_entries, state.locked_until) == (["Accept"], 0, 0)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, (1 << 66) - 1))
def test_digits_that_nobody_made_change_nothing(number: int) -> None:
    """A meter that a stranger's number opens would give light away: one in 65536 must not come up by chance here."""
    state = meter(credit={0: 5})
    answer = accept(state, f"{number:020d}", at=0)

    if answer.token is None:
        assert answer.state == replace(state, wrong_entries=1)
    assert not answer.verdict.is_taken or answer.token is not None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 16383), st.integers(1, (1 << 24) - 1)),
        unique_by=lambda pair: pair[1],
        min_size=1,
        max_size=50,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_was_made_is_taken_once_in_any_order(
    made: list[tuple[int, int]],
    shuffler: random.Random,
) -> None:
    """Up to the fifty that a meter remembers, however they are shuffled and repeated."""
    tokens = [credit(units, minute) for units, minute in made] * 2
    shuffler.shuffle(tokens)

    verdicts, state = keyed_in(meter(), *tokens)

    assert verdicts.count("Accept") == len(made)
    assert set(verdicts) <= {"Accept", "UsedError", "OldError"}
    assert state.credit[0] == sum(units for units, _minute in made)
