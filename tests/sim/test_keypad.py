"""A virtual keypad meter: what it takes, what it counts, and what its file survives."""

import json
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.ops.cli import main as gridtill
from gridtill.sim.keypad import store
from gridtill.sim.keypad.meter import RelayReason, display, enter, new_meter, run, switched, tampered, with_load
from gridtill.sim.main import SIMULATORS
from gridtill.sts.acceptance import Verdict
from gridtill.sts.keychange import key_change_tokens
from gridtill.sts.keys import KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan
from gridtill.sts.tokens import encode_credit, encode_management, encode_test

pytestmark = pytest.mark.unit

DRN = "12345678903"
VENDING_KEY = bytes(range(20))
CONTEXT = KeyContext(MeterPan.from_drn(DRN), "600101", "01", 1)
KEY = derive_decoder_key(VENDING_KEY, CONTEXT)
TID = 6_700_000


def meter(**changes):
    return replace(new_meter(CONTEXT, KEY, clock_s=1_000), **changes)


def credited(units=322, at=TID):
    return enter(meter(), encode_credit(KEY, units, at, 5))[0]


def test_credit_rises_once_and_the_second_entry_is_used():
    token = encode_credit(KEY, 322, TID, 5)

    after, first = enter(meter(), token)
    again, second = enter(after, f"{token[:4]} {token[4:]}")

    assert (first.word, first.display) == ("accepted", ("+32.2 kWh", "32.2 kWh"))
    assert (after.remaining_wh, again.remaining_wh) == (32_200, 32_200)
    assert second.word == "used"


@pytest.mark.parametrize(
    ("digits", "word"),
    [
        ("1234", "rejected"),
        ("0" * 20, "rejected"),
        (encode_credit(KEY, 1, 0xFF0001, 5), "key expired"),
        (encode_credit(derive_decoder_key(bytes(20), CONTEXT), 1, TID, 5), "rejected"),
    ],
)
def test_what_it_refuses_changes_no_credit(digits, word):
    before = replace(credited(), security=replace(credited().security, key_expiry=0x80))

    after, entry = enter(before, digits)

    assert entry.word == word
    assert (after.remaining_ws, after.security.identifiers) == (before.remaining_ws, before.security.identifiers)


def test_an_identifier_below_the_store_is_old():
    full = meter()
    for minute in range(51):
        full, _entry = enter(full, encode_credit(KEY, 1, TID + 10 + minute * 2, 5))

    assert enter(full, encode_credit(KEY, 1, TID, 5))[1].word == "old"


def test_load_uses_the_credit_up_and_the_relay_opens():
    running = run(with_load(credited(), 2_000), 16 * 3600)
    empty = run(running, 3600)

    assert (running.remaining_wh, running.power_w, display(running)) == (200, 2_000, ("0.2 kWh", "on"))
    assert (empty.remaining_wh, empty.used_wh, empty.power_w) == (0, 32_200, 0)
    assert empty.relay_open_because is RelayReason.NO_CREDIT
    assert display(empty) == ("0 kWh", "off: no credit")


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 200_000)), max_size=20))
def test_what_was_loaded_is_what_was_used_and_what_is_left(spans):
    house = credited()
    for watts, seconds in spans:
        house = run(with_load(house, watts), seconds)

    assert house.used_ws + house.remaining_ws == 32_200 * 3600
    assert house.remaining_ws >= 0


def test_power_limit_opens_the_relay_until_less_is_drawn():
    limited, entry = enter(with_load(credited(), 3_000), encode_management(KEY, 0, 2_500, TID + 5, 5))

    assert entry.word == "accepted"
    assert limited.relay_open_because is RelayReason.POWER_LIMIT
    assert with_load(limited, 2_500).relay_open_because is None


def test_opened_cover_cuts_the_supply_until_it_is_cleared():
    open_cover = tampered(with_load(credited(), 100))
    cleared, _entry = enter(open_cover, encode_management(KEY, 5, 0, TID + 5, 5))

    assert open_cover.relay_open_because is RelayReason.TAMPER
    assert cleared.relay_open_because is None


@pytest.mark.parametrize(("register", "left_wh"), [(0, 0), (0xFFFF, 0), (1, 32_200)])
def test_clearing_takes_the_credit_of_its_register_only(register, left_wh):
    after, _entry = enter(credited(), encode_management(KEY, 1, register, TID + 5, 5))

    assert after.remaining_wh == left_wh


def test_credit_that_is_partly_used_is_not_rounded_by_the_next_token():
    used = run(with_load(credited(), 1), 3599)
    after, _entry = enter(used, encode_credit(KEY, 10, TID + 5, 5))

    assert after.remaining_ws == used.remaining_ws + 10 * 100 * 3600


def test_key_change_in_printed_order_and_the_old_key_is_gone():
    new = replace(CONTEXT, key_revision=2)
    new_key = derive_decoder_key(VENDING_KEY, new)
    tokens = key_change_tokens(KEY, new_key, new, new_key_expiry=200, rollover=False)
    held, words = credited(), []
    for token in tokens:
        held, entry = enter(held, token)
        words.append(entry.verdict)

    assert words[-1] is Verdict.ACCEPT
    assert (held.security.key_revision, held.security.key_expiry, held.remaining_wh) == (2, 200, 32_200)
    assert enter(held, encode_credit(KEY, 10, TID + 9, 5))[1].word == "rejected"
    assert enter(held, encode_credit(new_key, 10, TID + 9, 5))[1].word == "accepted"


def test_without_supply_the_keypad_is_dead_and_coming_back_frees_it():
    locked = meter(security=replace(meter().security, lock_after=2))
    for _try in range(2):
        locked, _entry = enter(locked, "0" * 20)
    token = encode_credit(KEY, 10, TID, 5)
    dark = switched(locked, has_supply=False)

    assert enter(locked, token)[1].word == "locked, wait"
    assert enter(dark, token) == (dark, enter(dark, token)[1])
    assert display(dark) == ("",)
    assert run(with_load(dark, 100), 3600).used_ws == 0
    assert enter(switched(dark, has_supply=True), token)[1].word == "accepted"


def test_test_token_walks_through_the_display():
    _after, all_of_it = enter(credited(), encode_test(0, (1 << 36) - 1))
    _after, one = enter(credited(), encode_test(1, 0b1000))
    _after, none = enter(credited(), encode_test(0, 1 << 30))

    assert all_of_it.display[0] == "relay closed"
    assert "total 0 kWh" in all_of_it.display
    assert one.display == ("key revision 1",)
    assert none.display == ("----",)


@pytest.mark.parametrize("seconds", [-1, 10**12])
def test_time_runs_forward_and_not_for_ever(seconds):
    with pytest.raises(ValueError, match="forward"):
        run(meter(), seconds)


def test_no_house_draws_a_negative_load():
    with pytest.raises(ValueError, match="load"):
        with_load(meter(), -1)


def test_file_brings_back_the_same_meter(tmp_path):
    half, _entry = enter(credited(), key_change_tokens(KEY, KEY, CONTEXT, new_key_expiry=9, rollover=False)[0])
    store.create(tmp_path / "deep" / "m.json", half)

    assert half.security.sections
    assert store.read(tmp_path / "deep" / "m.json") == replace(half, security=replace(half.security, credit={}))
    with pytest.raises(store.MeterFileWrong, match="there already"):
        store.create(tmp_path / "deep" / "m.json", meter())


@pytest.mark.parametrize(
    "harm",
    [
        {"format": 9},
        {"drn": "12345678904"},
        {"decoder_key": "00"},
        {"decoder_key": "xyz"},
        {"encryption_algorithm": "09"},
        {"remaining_ws": -1},
        {"remaining_ws": True},
        {"identifiers": None},
        {"sections": {"1": [1]}},
    ],
)
def test_harmed_file_is_refused_in_words(tmp_path, harm):
    path = tmp_path / "m.json"
    path.write_text(json.dumps(store.dump(meter()) | harm), encoding="utf-8")

    with pytest.raises(store.MeterFileWrong):
        store.read(path)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "[" * 100_000, " " * 1_000_001])
def test_hostile_file_is_refused_in_words(tmp_path, content):
    path = tmp_path / "m.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(store.MeterFileWrong):
        store.read(path)


def test_one_token_keyed_in_by_many_at_once_is_taken_once(tmp_path):
    path = tmp_path / "m.json"
    patient = replace(meter(), security=replace(meter().security, lock_after=0))
    store.create(path, patient)
    token, words = encode_credit(KEY, 322, TID, 5), []

    def key_in():
        words.append(store.change(path, lambda held: enter(held, token)).word)

    threads = [threading.Thread(target=key_in) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(words) == ["accepted", *["used"] * 7]
    assert store.read(path).remaining_wh == 32_200


def sim(*words):
    return gridtill(["sim", "keypad", *map(str, words)])


def made(tmp_path):
    path = tmp_path / "m.json"
    assert sim(path, "new", "--drn", DRN, "--sgc", "600101", "--vending-key", VENDING_KEY.hex()) == 0
    return path


def test_command_makes_a_meter_and_keys_in(tmp_path, capsys):
    path = made(tmp_path)
    token = encode_credit(KEY, 322, TID, 5)

    assert sim(path, *[token[at : at + 4] for at in range(0, 20, 4)]) == 0
    assert sim(path, token) == 1
    assert sim(path, "show", "--json") == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (shown["remaining_kwh"], shown["relay"], shown["key_revision"]) == ("32.2", "closed", 1)


def test_command_reads_lines_from_standard_input(tmp_path, capsys, monkeypatch):
    path = made(tmp_path)
    monkeypatch.setattr("sys.stdin", iter([f"{encode_credit(KEY, 322, TID, 5)}\n", "\n", "load 2000\n", "run 3h\n"]))

    assert sim(path) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "26.2 kWh  on"
    assert store.read(path).used_wh == 6_000


@pytest.mark.parametrize("line", ["dance", "run", "run 3w", "load x", "load 99999999", "load 999999", "show me"])
def test_command_says_what_it_does_not_understand(tmp_path, capsys, line):
    path = made(tmp_path)
    before = path.read_bytes()

    assert sim(path, *line.split()) == 2
    assert line in capsys.readouterr().err
    assert json.loads(path.read_bytes()) | {"clock_s": 0} == json.loads(before) | {"clock_s": 0}


@pytest.mark.parametrize("word", ["tamper", "off", "on"])
def test_command_takes_plain_words(tmp_path, word):
    path = made(tmp_path)

    assert sim(path, word) == 0
    assert (store.read(path).security.is_tampered, store.read(path).has_supply) == (word == "tamper", word != "off")


def test_command_refuses_a_wrong_meter_number_and_a_missing_file(tmp_path, capsys):
    assert sim(tmp_path / "m.json", "new", "--drn", "12345678904", "--key", "00" * 16) == 1
    assert sim(tmp_path / "m.json", "new", "--drn", DRN, "--key", "zz") == 1
    assert sim(tmp_path / "m.json", "show") == 1
    assert "There is no meter in m.json" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_list_of_simulators(capsys):
    assert gridtill(["sim"]) == 0
    listed = capsys.readouterr().out
    assert [name for name in SIMULATORS if name not in listed] == []
    assert gridtill(["sim", "toaster"]) == 2
    assert sim() == 2
    assert sim("--help") == 0
