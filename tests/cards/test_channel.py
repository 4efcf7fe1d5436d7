"""A channel that steps together, and ends at the first message that does not fit."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.cards.channel import Role, Session, card_proof, host_proof
from gridtill.cards.errors import NotGenuine

pytestmark = pytest.mark.unit
KEY, HOST, CARD = bytes(range(16)), b"hostchal", b"cardchal"
HEADER = bytes.fromhex("84d60000")


def pair():
    return Session.between(KEY, HOST, CARD), Session.between(KEY, HOST, CARD)


@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=40)), min_size=1, max_size=6))
def test_both_sides_step_together(messages):
    host, card = pair()
    for question, answer in messages:
        card.check_command(HEADER, question, host.command_code(HEADER, question))
        host.check_answer(0x9000, answer, card.answer_code(0x9000, answer))


@pytest.mark.parametrize("trouble", ["replay", "lost", "altered", "other header"])
def test_what_does_not_fit_ends_the_session(trouble):
    host, card = pair()
    first = host.command_code(HEADER, b"one")
    if trouble != "lost":
        card.check_command(HEADER, b"one", first)
    before = deepcopy(host)
    second = host.command_code(HEADER, b"two")
    sent = {
        "replay": (HEADER, b"one", first),
        "lost": (HEADER, b"two", second),
        "altered": (HEADER, b"2wo", second),
        "other header": (b"\x84\xd6\x00\x01", b"two", second),
    }[trouble]

    with pytest.raises(NotGenuine):
        card.check_command(*sent)
    with pytest.raises(NotGenuine):
        card.check_command(HEADER, b"two", before.command_code(HEADER, b"two"))


def test_an_answer_belongs_to_its_command_and_status():
    host, card = pair()
    card.check_command(HEADER, b"", host.command_code(HEADER, b""))
    code = card.answer_code(0x9000, b"data")

    with pytest.raises(NotGenuine):
        host.check_answer(0x6985, b"data", code)
    with pytest.raises(NotGenuine):
        host.check_answer(0x9000, b"data", code)


def test_other_keys_roles_and_challenges_make_other_sessions():
    sessions = [
        Session.between(KEY, HOST, CARD),
        Session.between(KEY, CARD, HOST),
        Session.between(bytes(16), HOST, CARD),
    ]
    proofs = [
        proof
        for session in sessions
        for proof in (card_proof(session, HOST, CARD, bytes(8)), host_proof(session, HOST, CARD))
    ]

    assert len(set(proofs)) == 6
    assert KEY.hex() not in repr(sessions)
    assert sorted(Role) == [1, 2, 3]
