"""
Talking to a consumer card by a role's key: opening the channel, reading, writing.

For whoever holds the key itself: meters, factories, tests. A desk's keys lie in its authority
card, which makes the codes; the desk only carries them to and fro.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from gridtill.cards.channel import CHALLENGE_BYTES, Role, Session, card_proof, host_proof
from gridtill.cards.commands import AID, PLAIN, SECURE, Answer, Command, Ins, Life, OrderState, Part, refuse_unless_ok
from gridtill.cards.errors import Malformed, NotGenuine
from gridtill.cards.keys import KEY_BYTES, is_same
from gridtill.cards.records import CSN_BYTES

Transmit = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class CardFace:
    """What a card says of itself to anybody: its number, its life, whether an order waits on it."""

    csn: bytes
    life: Life
    order_state: OrderState


def select(transmit: Transmit) -> CardFace:
    """
    Choose the card application and return what the card says of itself.

    :raises CardRefused: if it is no card of this application
    :raises Malformed: if it gave no sensible answer
    """
    answer = refuse_unless_ok(Answer.parse(transmit(Command(0, Ins.SELECT, 4, 0, AID).encode())))
    if len(answer.data) != CSN_BYTES + 2:
        raise Malformed("The card's answer to being chosen is not understood.")
    try:
        return CardFace(answer.data[:CSN_BYTES], Life(answer.data[-2]), OrderState(answer.data[-1]))
    except ValueError:
        raise Malformed("The card is in a state that nobody knows.") from None


@dataclass(slots=True)
class OpenCard:
    """A card whose channel is open; every answer was checked."""

    face: CardFace
    transmit: Transmit = field(repr=False)
    session: Session = field(repr=False)

    def read(self, part: Part) -> bytes:
        """
        Return a stored record, which its own code still has to be checked of.

        :raises NotGenuine: if the answer does not belong to this session
        :raises CardRefused: if the card says no
        """
        return self.run(Command(SECURE, Ins.READ, part))

    def put(self, order: bytes, bind: bytes = b"", meter_key: bytes = b"") -> None:
        """
        Write an order, and with an open or make-up card the bind and the meter's key to it, in one commit.

        :raises CardRefused: if an earlier order waits, or this one does not follow it
        """
        self.run(Command(SECURE, Ins.PUT, data=order + bind + meter_key))

    def write_back(self, returned: bytes, *, taken: bool, cancels: bool = False) -> None:
        """
        Write a meter's return, in the same commit as the note that it took the order.

        :raises CardRefused: if the card does not keep it
        """
        self.run(Command(SECURE, Ins.WRITE_BACK, 2 if cancels else int(taken), data=returned))

    def set_life(self, life: Life) -> None:
        """
        Bring a card back to ISSUED, with nothing on it, or end it.

        :raises CardRefused: if an order that was paid for still waits on it
        """
        self.run(Command(SECURE, Ins.LIFE, life))

    def run(self, command: Command) -> bytes:
        """Send one secure command and return what it answered."""
        code = self.session.command_code(command.header, command.data)
        secured = Command(command.cla, command.ins, command.p1, command.p2, command.data + code)
        answer = Answer.parse(self.transmit(secured.encode()))
        if not answer.data:
            # A card that ended the session says so without a code; it did nothing.
            self.session.is_open = False
            refuse_unless_ok(answer)
        data, found = answer.split()
        self.session.check_answer(answer.status, data, found)
        refuse_unless_ok(answer)
        return data


def open_card(transmit: Transmit, role: Role, key_for: Callable[[bytes], bytes]) -> OpenCard:
    """
    Choose a card and open its channel; ``key_for`` gives the role's key of a serial number.

    :raises CardRefused: if it is no card of this application, or blocked
    :raises NotGenuine: if the card does not have that key: another utility's, or no real one
    """
    face = select(transmit)
    key = key_for(face.csn)
    if len(key) != KEY_BYTES:
        raise ValueError(f"a card key has {KEY_BYTES} bytes")
    ours = secrets.token_bytes(CHALLENGE_BYTES)
    answer = refuse_unless_ok(Answer.parse(transmit(Command(PLAIN, Ins.CHALLENGE, role, data=ours).encode())))
    theirs, proof = answer.data[:CHALLENGE_BYTES], answer.data[CHALLENGE_BYTES:]
    session = Session.between(key, ours, theirs)
    if not is_same(card_proof(session, ours, theirs, face.csn), proof):
        raise NotGenuine("The card does not know the key of this house.")
    refuse_unless_ok(Answer.parse(transmit(Command(PLAIN, Ins.PROVE, data=host_proof(session, ours, theirs)).encode())))
    return OpenCard(face, transmit, session)
