"""
The secure channel between a card and whoever talks to it: desk, meter or issuing officer.

Both sides prove that they have the key of the role, and every message after that carries a code
over the one before it, so that a replayed, lost, reordered or swapped message ends the session.
What is said is not secret: amounts lie open on the card anyway.

Codes are eight bytes of CMAC. ``hc`` and ``cc`` are the challenges of host and card.

    session key   K(role, "SESSION" | hc | cc)
    card proves   CMAC(session, "CARD" | hc | cc | csn)
    host proves   CMAC(session, "HOST" | cc | hc)
    command       CMAC(session, "C" | last code | CLA INS P1 P2 | data)
    answer        CMAC(session, "R" | the command's code | status word | data)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from gridtill.cards.errors import NotGenuine
from gridtill.cards.keys import MAC_BYTES, cmac, derive, is_same

CHALLENGE_BYTES = 8


class Role(IntEnum):
    """Who talks to a card, each with a key of its own."""

    DESK = 1
    METER = 2
    ISSUER = 3


@dataclass(slots=True)
class Session:
    """
    One side of an open channel; both sides step through the same codes.

    A code that does not fit ends the session: every later message is refused too.
    """

    key: bytes = field(repr=False)
    last: bytes = bytes(MAC_BYTES)
    is_open: bool = True

    @classmethod
    def between(cls, role_key: bytes, host_challenge: bytes, card_challenge: bytes) -> Session:
        """Return the session that two challenges make under a role's key."""
        return cls(derive(role_key, "SESSION", host_challenge + card_challenge))

    def command_code(self, header: bytes, data: bytes) -> bytes:
        """Return the code of the next command, and step on."""
        self.last = self._code(b"C" + self.last + header + data)
        return self.last

    def answer_code(self, status: int, data: bytes) -> bytes:
        """Return the code of the answer to the last command."""
        return self._code(b"R" + self.last + status.to_bytes(2, "big") + data)

    def check_command(self, header: bytes, data: bytes, code: bytes) -> None:
        """
        Accept a command, or end the session.

        :raises NotGenuine: if it is not the next command of this session
        """
        if not (self.is_open and is_same(self.command_code(header, data), code)):
            self.is_open = False
            raise NotGenuine("A command to the card was not the next one of its session.")

    def check_answer(self, status: int, data: bytes, code: bytes) -> None:
        """
        Accept an answer, or end the session.

        :raises NotGenuine: if it does not answer the last command of this session
        """
        if not (self.is_open and is_same(self.answer_code(status, data), code)):
            self.is_open = False
            raise NotGenuine("The card's answer is not genuine.")

    def _code(self, message: bytes) -> bytes:
        return cmac(self.key, message)[:MAC_BYTES]


def card_proof(session: Session, host_challenge: bytes, card_challenge: bytes, csn: bytes) -> bytes:
    """Return what shows the host that the card has the role's key."""
    return cmac(session.key, b"CARD" + host_challenge + card_challenge + csn)[:MAC_BYTES]


def host_proof(session: Session, host_challenge: bytes, card_challenge: bytes) -> bytes:
    """Return what shows the card that the host has the role's key."""
    return cmac(session.key, b"HOST" + card_challenge + host_challenge)[:MAC_BYTES]
