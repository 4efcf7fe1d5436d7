"""A consumer card, talked to as desks, meters and thieves do, and pulled out at every byte."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.cards import keys as k
from gridtill.cards.channel import Role
from gridtill.cards.commands import (
    AID,
    Answer,
    CardRefused,
    Command,
    Ins,
    Life,
    OrderState,
    Part,
    Status,
    refuse_unless_ok,
)
from gridtill.cards.errors import Malformed, NotGenuine
from gridtill.cards.host import open_card, select
from gridtill.cards.records import Addressee, Bind, Order, Purpose, Return, open_order, seal_order
from gridtill.sim.cards.consumer import CELLS, MOST_FAILURES, ConsumerCard

pytestmark = pytest.mark.unit
CSN = bytes.fromhex("0102030405060708")
MASTER = {"vend": bytes(range(16)), "issue": bytes(range(16, 32)), "meter": bytes(range(32, 48)), "server": bytes(16)}
HOME = Addressee(CSN, "37000000015", "100001")
KEYS = k.MeterKeys.of(
    k.meter_key(MASTER["meter"], HOME.meter_octets), k.server_meter_key(MASTER["server"], HOME.meter_octets)
)
AT = datetime(2026, 11, 23, 9, 30)
BIND = Bind(HOME.customer, HOME.meter).seal(KEYS.order, CSN)


def order(sequence, amount=5_000, purpose=Purpose.PURCHASE, order_id=None):
    made = Order(
        purpose, sequence, amount, sequence * amount, order_id or bytes(5) + bytes((sequence,)), 12, sequence, AT
    )
    return seal_order(made, KEYS, HOME)


def returned(sequence, generation=1):
    return Return(generation, sequence, 4_000, sequence * 5_000, 1_000, AT).seal(KEYS.returned, HOME.of_return())


def fresh():
    return ConsumerCard.issue(
        CSN, desk_key=k.vend_key(MASTER["vend"], CSN), issuer_key=k.issue_key(MASTER["issue"], CSN)
    )


def at_desk(card):
    return open_card(card.transmit, Role.DESK, lambda csn: k.vend_key(MASTER["vend"], csn))


def at_meter(card):
    return open_card(card.transmit, Role.METER, KEYS.card)


def at_issuer(card):
    return open_card(card.transmit, Role.ISSUER, lambda csn: k.issue_key(MASTER["issue"], csn))


def opened():
    """A card that was opened for its meter, with the first order waiting on it."""
    card = fresh()
    at_desk(card).put(order(1, purpose=Purpose.OPEN), BIND, KEYS.card(CSN))
    return card


def loaded():
    """The same after its meter took the order."""
    card = opened()
    at_meter(card).write_back(returned(1), taken=True)
    return card


def refused(act):
    with pytest.raises(CardRefused) as no:
        act()
    return no.value.status


def test_from_the_factory_to_the_meter_and_back():
    card = fresh()
    assert select(card.transmit).life is Life.ISSUED
    at_desk(card).put(order(1, purpose=Purpose.OPEN), BIND, KEYS.card(CSN))
    assert select(card.transmit).order_state is OrderState.WAITING

    meter = at_meter(card)
    taken = open_order(meter.read(Part.ORDER), KEYS, HOME)
    assert (taken.sequence, taken.amount) == (1, 5_000)
    assert Bind.open(meter.read(Part.BIND), KEYS.order, CSN).customer == "000000100001"
    meter.write_back(returned(1), taken=True)

    desk = at_desk(card)
    assert desk.face.order_state is OrderState.TAKEN
    assert Return.open(desk.read(Part.RETURN), KEYS.returned, HOME.of_return()).sequence == 1
    desk.put(order(2))
    assert refused(lambda: at_desk(card).put(order(3))) == Status.CONDITIONS


def test_a_lost_answer_is_asked_again_and_writes_nothing_twice():
    card = loaded()
    at_desk(card).put(order(2))
    before = bytes(card.cells)
    desk = at_desk(card)
    after_opening = bytes(card.cells)
    desk.put(order(2))

    assert bytes(card.cells) == after_opening
    assert before != b""


@pytest.mark.parametrize("sequence", [0, 1, 3, 99])
def test_an_order_follows_the_one_before(sequence):
    card = loaded()

    assert refused(lambda: at_desk(card).put(order(sequence, order_id=b"others"))) == Status.WRONG_DATA


def test_a_new_card_takes_an_order_with_its_bind_only():
    assert refused(lambda: at_desk(fresh()).put(order(1))) == Status.CONDITIONS


def test_roles_do_what_is_theirs():
    card = loaded()

    assert refused(lambda: at_meter(card).put(order(2))) == Status.CONDITIONS
    assert refused(lambda: at_desk(card).write_back(returned(1), taken=True)) == Status.CONDITIONS
    assert refused(lambda: at_desk(card).set_life(Life.DEAD)) == Status.CONDITIONS
    assert refused(lambda: at_meter(fresh())) == Status.CONDITIONS


def test_an_issuer_blanks_and_ends_but_never_wipes_what_was_paid():
    card = opened()
    assert refused(lambda: at_issuer(card).set_life(Life.ISSUED)) == Status.CONDITIONS
    at_meter(card).write_back(returned(1), taken=True, cancels=True)
    assert select(card.transmit).life is Life.CANCELLED
    assert refused(lambda: at_desk(card).put(order(2))) == Status.CONDITIONS
    assert refused(lambda: at_issuer(card).set_life(Life.CANCELLED)) == Status.WRONG_PLACE
    at_issuer(card).set_life(Life.ISSUED)
    assert (card.content.life, card.content.order) == (Life.ISSUED, bytes(51))
    at_issuer(card).set_life(Life.DEAD)
    assert refused(lambda: at_desk(card)) == Status.BLOCKED


def test_another_utilitys_card_is_told_at_once():
    strange = ConsumerCard.issue(CSN, desk_key=bytes(16), issuer_key=bytes(16))

    with pytest.raises(NotGenuine, match="key of this house"):
        at_desk(strange)


def test_a_thief_has_fifteen_tries_and_pulling_the_card_saves_none():
    card = fresh()
    for _try in range(MOST_FAILURES):
        select(card.transmit)
        card.transmit(Command(0x80, Ins.CHALLENGE, Role.DESK, data=bytes(8)).encode())
        answer = Answer.parse(card.transmit(Command(0x80, Ins.PROVE, data=bytes(8)).encode()))
        assert answer.status == Status.NOT_AUTHENTICATED
        card.reset()

    assert refused(lambda: at_desk(card)) == Status.BLOCKED


def test_a_good_try_clears_the_bad_ones():
    card = fresh()
    for _try in range(MOST_FAILURES - 1):
        select(card.transmit)
        card.transmit(Command(0x80, Ins.CHALLENGE, Role.DESK, data=bytes(8)).encode())
        card.transmit(Command(0x80, Ins.PROVE, data=bytes(8)).encode())
    at_desk(card)

    assert card.content.failures == 0


def test_a_session_ends_with_the_power():
    card = loaded()
    desk = at_desk(card)
    card.reset()

    assert refused(lambda: desk.read(Part.BIND)) == Status.CONDITIONS
    with pytest.raises((CardRefused, NotGenuine)):
        desk.read(Part.BIND)


def test_a_swapped_card_ends_the_session():
    one, other = loaded(), loaded()
    desk = at_desk(one)
    at_desk(other)
    desk.transmit = other.transmit

    assert refused(lambda: desk.read(Part.BIND)) == Status.CODE_WRONG
    assert refused(lambda: desk.read(Part.BIND)) == Status.NOT_AUTHENTICATED


def test_a_forged_answer_is_not_believed():
    card = loaded()
    desk = at_desk(card)
    real = desk.transmit

    def lie(apdu):
        answer = bytearray(real(apdu))
        answer[0] ^= 1
        return bytes(answer)

    desk.transmit = lie
    with pytest.raises(NotGenuine):
        desk.read(Part.ORDER)


@pytest.mark.parametrize("said", [b"", b"\x90", b"\x90\x00", b"\x01" * 9 + b"\x90\x00"])
def test_strange_answers_to_being_chosen_are_malformed(said):
    with pytest.raises(Malformed):
        select(lambda _apdu: said)


def test_a_state_that_nobody_knows_is_malformed():
    with pytest.raises(Malformed, match="nobody knows"):
        select(lambda _apdu: bytes(8) + b"\x09\x09\x90\x00")


def test_silence_in_a_session_is_malformed_and_a_bare_yes_too():
    card = loaded()
    for said in (b"", b"\x90\x00", b"\x01\x90\x00"):
        desk = at_desk(card)
        desk.transmit = lambda _apdu, said=said: said
        with pytest.raises(Malformed):
            desk.read(Part.BIND)


def test_a_key_of_another_length_is_no_key():
    with pytest.raises(ValueError, match="16 bytes"):
        open_card(fresh().transmit, Role.DESK, lambda _csn: b"short")


@given(st.binary(max_size=300))
def test_any_bytes_get_a_status_word(apdu):
    card = loaded()
    assert len(card.transmit(apdu)) >= 2
    select(card.transmit)
    assert len(card.transmit(apdu)) >= 2
    desk = at_desk(card)
    assert len(desk.transmit(apdu)) >= 2
    assert card.content.order_state == OrderState.TAKEN


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (Command(0x80, Ins.SELECT, 4, 0, AID), Status.UNKNOWN_INSTRUCTION),
        (Command(0xB0, 1), Status.UNKNOWN_CLASS),
        (Command(0, Ins.SELECT, 0, 0, AID), Status.NOT_FOUND),
        (Command(0x80, Ins.CHALLENGE, 9, 0, bytes(8)), Status.WRONG_PLACE),
        (Command(0x80, Ins.CHALLENGE, 1, 0, bytes(7)), Status.WRONG_PLACE),
        (Command(0x80, Ins.PROVE, data=bytes(8)), Status.CONDITIONS),
        (Command(0x84, Ins.READ, 1, 0, bytes(8)), Status.NOT_AUTHENTICATED),
    ],
)
def test_what_a_card_does_not_know_it_says(command, status):
    card = loaded()
    select(card.transmit)

    assert Answer.parse(card.transmit(command.encode())).status == status


def test_a_blank_card_is_no_card_of_ours():
    card = ConsumerCard(bytearray(CELLS))

    assert refused(lambda: select(card.transmit)) == Status.NOT_FOUND
    with pytest.raises(Malformed):
        _ = card.content


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (Command(0x84, Ins.READ, 7), Status.WRONG_PLACE),
        (Command(0x84, Ins.PUT, data=bytes(5)), Status.WRONG_LENGTH),
        (Command(0x84, Ins.PUT, data=bytes(51)), Status.WRONG_DATA),
        (Command(0x84, 0x00), Status.CONDITIONS),
    ],
)
def test_wrong_commands_in_a_session_are_refused_in_it(command, status):
    desk = at_desk(loaded())

    assert refused(lambda: desk.run(command)) == status
    assert desk.read(Part.BIND) == BIND


def test_a_write_back_has_its_length():
    meter = at_meter(opened())

    assert refused(lambda: meter.run(Command(0x84, Ins.WRITE_BACK, 1, data=bytes(5)))) == Status.WRONG_LENGTH
    meter.write_back(returned(0), taken=False)
    assert meter.read(Part.RETURN) == returned(0)


class PowerCut(Exception):
    """The card left the slot."""


class Torn(bytearray):
    """Memory that loses power after so many writes."""

    left: int | None = None
    stuck: frozenset[int] | set[int] = frozenset()

    def __setitem__(self, at, octet):
        if self.left is not None:
            if self.left == 0:
                raise PowerCut
            self.left -= 1
        super().__setitem__(at, self[at] if at in self.stuck else octet)


def torn(card, left):
    cells = Torn(card.cells)
    cells.left = left
    return ConsumerCard(cells), cells


def test_pulled_at_the_desk_at_any_byte_the_old_order_or_the_new_one_is_there():
    whole, cut = loaded(), 0
    outcomes = set()
    while True:
        card, cells = torn(whole, cut)
        try:
            at_desk(card).put(order(2))
        except PowerCut:
            cells.left = None
            card.reset()
            found = Order.read(card.content.order).sequence
            outcomes.add(found)
            # The customer puts the card back in, and the desk repeats the same order.
            at_desk(card).put(order(2))
            assert Order.read(card.content.order).sequence == 2
            assert card.content.order_state == OrderState.WAITING
            cut += 1
            continue
        break

    assert cut > 200
    assert outcomes in ({1}, {1, 2})


def test_pulled_in_the_meter_at_any_byte_the_order_waits_or_was_taken():
    whole, cut = opened(), 0
    while True:
        card, cells = torn(whole, cut)
        try:
            at_meter(card).write_back(returned(1), taken=True)
        except PowerCut:
            cells.left = None
            card.reset()
            kept = card.content
            assert (kept.order_state, kept.returned) in (
                (OrderState.WAITING, bytes(51)),
                (OrderState.TAKEN, returned(1)),
            )
            cut += 1
            continue
        break

    assert cut > 200


def test_a_worn_card_keeps_what_it_had():
    card = loaded()
    cells = Torn(card.cells)
    worn = ConsumerCard(cells)
    desk = at_desk(worn)
    # The last byte of the purchase number sticks, in both slots.
    cells.stuck = {116, 116 + len(cells) // 2}

    assert refused(lambda: desk.put(order(2))) == Status.MEMORY_WORN
    worn.reset()
    assert Order.read(worn.content.order).sequence == 1


class TestCommands:
    """APDUs as they are spelled."""

    @given(st.integers(0, 255), st.integers(0, 255), st.binary(min_size=1, max_size=255))
    def test_a_command_comes_back(self, ins, p1, data):
        command = Command(0x84, ins, p1, 0, data)
        assert Command.parse(command.encode()) == command
        assert Command.parse(command.encode()[:-1]) == command

    @pytest.mark.parametrize("apdu", [b"", b"\x80\x50\x00", bytes(4) + b"\x05abc", bytes(4) + b"\x00ab"])
    def test_lengths_that_do_not_fit_are_malformed(self, apdu):
        with pytest.raises(Malformed):
            Command.parse(apdu)

    def test_no_apdu_is_longer_than_short_ones_are(self):
        with pytest.raises(Malformed):
            Command(0, 0, data=bytes(256)).encode()
        assert Command.parse(bytes(4)) == Command.parse(bytes(5)) == Command(0, 0)

    @pytest.mark.parametrize(
        ("status", "words"),
        [(0x63C2, "2 tries"), (Status.QUOTA_USED_UP, "no quota"), (0x6F00, "6F00"), (Status.MEMORY_WORN, "keep")],
    )
    def test_refusals_are_put_into_words(self, status, words):
        with pytest.raises(CardRefused, match=words):
            refuse_unless_ok(Answer(status))
