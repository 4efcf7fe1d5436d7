"""
The card's command set: what is sent, what comes back, and in which status words a card refuses.

Short APDUs of ISO 7816-4. Class 80 is plain, 84 carries eight bytes of code at the end of its
data, and its answer eight at the end too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gridtill.cards.errors import CardError, Malformed
from gridtill.cards.keys import MAC_BYTES

AID = bytes.fromhex("F0475356454E4401")
PLAIN, SECURE = 0x80, 0x84
_LONGEST = 255


class Ins(IntEnum):
    """Instructions of the consumer card (to E4), and of the authority card (from 20)."""

    SELECT = 0xA4
    CHALLENGE = 0x50
    PROVE = 0x82
    READ = 0xB0
    PUT = 0xD6
    WRITE_BACK = 0xE2
    LIFE = 0xE4
    VERIFY_PIN = 0x20
    OPEN_SESSION = 0x52
    ASK_CODE = 0x54
    CHECK_ANSWER = 0x56
    AUTHORIZE = 0x58
    TOP_UP = 0x5A
    QUOTA = 0x5C
    REVERSE = 0x5E


class Status(IntEnum):
    """Status words, with what they mean here."""

    OK = 0x9000
    PIN_WRONG = 0x63C0
    MEMORY_WORN = 0x6581
    WRONG_LENGTH = 0x6700
    NOT_AUTHENTICATED = 0x6982
    BLOCKED = 0x6983
    CONDITIONS = 0x6985
    CODE_WRONG = 0x6988
    WRONG_DATA = 0x6A80
    NOT_FOUND = 0x6A82
    TOO_MUCH = 0x6A84
    WRONG_PLACE = 0x6A86
    UNKNOWN_INSTRUCTION = 0x6D00
    UNKNOWN_CLASS = 0x6E00
    QUOTA_USED_UP = 0x9403


class Part(IntEnum):
    """What READ reads, by its P1."""

    BIND = 1
    ORDER = 2
    RETURN = 3


class Life(IntEnum):
    """Where a card is in its life."""

    BLANK = 0
    ISSUED = 1
    ACTIVE = 2
    CANCELLED = 3
    DEAD = 4


class OrderState(IntEnum):
    """Whether the order on a card was taken by its meter."""

    NONE = 0
    WAITING = 1
    TAKEN = 2


@dataclass(frozen=True, slots=True)
class Command:
    """One APDU on its way to a card."""

    cla: int
    ins: int
    p1: int = 0
    p2: int = 0
    data: bytes = b""

    @property
    def header(self) -> bytes:
        """The four bytes that a secure command's code covers."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    def encode(self) -> bytes:
        """
        Spell the APDU; every answer may be as long as it likes.

        :raises Malformed: if there are more data than a short APDU carries
        """
        if len(self.data) > _LONGEST:
            raise Malformed(f"An APDU carries {_LONGEST} bytes, not {len(self.data)}.")
        length = bytes((len(self.data),)) + self.data if self.data else b""
        return self.header + length + b"\x00"

    @classmethod
    def parse(cls, apdu: bytes) -> Command:
        """
        Read an APDU as a card does, with or without the length that it may answer.

        :raises Malformed: if its lengths do not fit
        """
        if len(apdu) < 4:
            raise Malformed("An APDU has four bytes at least.")
        head, rest = apdu[:4], apdu[4:]
        cla, ins, p1, p2 = head
        if len(rest) <= 1:
            return cls(cla, ins, p1, p2)
        size, data = rest[0], rest[1:]
        if not size or len(data) not in (size, size + 1):
            raise Malformed("The length of this APDU does not fit.")
        return cls(cla, ins, p1, p2, data[:size])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a card said: its data and a status word."""

    status: int
    data: bytes = b""

    @property
    def is_ok(self) -> bool:
        """Whether the card did what it was told."""
        return self.status == Status.OK

    def encode(self) -> bytes:
        """Spell the answer as it comes from the reader."""
        return self.data + self.status.to_bytes(2, "big")

    @classmethod
    def parse(cls, octets: bytes) -> Answer:
        """
        Read what the reader gave.

        :raises Malformed: if there is no status word: the card was pulled, and whether it acted is not known
        """
        if len(octets) < 2:
            raise Malformed("The card gave no answer.", remedy="Put the card back in; it shows what it did.")
        return cls(int.from_bytes(octets[-2:], "big"), octets[:-2])

    def split(self) -> tuple[bytes, bytes]:
        """
        Return the data and the code of a secure answer.

        :raises Malformed: if it is too short for a code
        """
        if len(self.data) < MAC_BYTES:
            raise Malformed("The card's answer has no code.")
        return self.data[:-MAC_BYTES], self.data[-MAC_BYTES:]


class CardRefused(CardError):
    """The card itself said no; ``status`` is its word."""

    code = "card_refused"

    def __init__(self, status: int) -> None:
        message, remedy = _WORDS.get(status, ("The card refused with {status}.", ""))
        if status & 0xFFF0 == Status.PIN_WRONG:
            message, remedy = "The PIN is wrong; {left} tries are left.", "Type it again."
        super().__init__(message, remedy=remedy, status=f"{status:04X}", left=status & 0xF)
        self.status = status


_WORDS: dict[int, tuple[str, str]] = {
    Status.MEMORY_WORN: ("The card does not keep what is written to it. Nothing was changed.", "Make a new card."),
    Status.NOT_AUTHENTICATED: ("The card does not know this desk.", "Look whether the right card is in the slot."),
    Status.BLOCKED: ("The card is blocked.", "Ask the card officer."),
    Status.CONDITIONS: (
        "The card does not allow that now.",
        "Read the card; an earlier purchase may still wait on it.",
    ),
    Status.CODE_WRONG: ("The card and the desk lost each other.", "Take the card out and put it in again."),
    Status.WRONG_DATA: ("This purchase does not follow the one on the card.", "Read the card and try again."),
    Status.NOT_FOUND: ("This is no card of ours.", "Put the customer's card in."),
    Status.TOO_MUCH: (
        "This is more than the authority card may sell at once or today.",
        "Sell less, or ask the card officer.",
    ),
    Status.QUOTA_USED_UP: ("The authority card has no quota left.", "Have it topped up by the card officer."),
}


def refuse_unless_ok(answer: Answer) -> Answer:
    """
    Return an answer that says yes.

    :raises CardRefused: with what the card said
    """
    if not answer.is_ok:
        raise CardRefused(answer.status)
    return answer
