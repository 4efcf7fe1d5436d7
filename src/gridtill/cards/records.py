"""
The records of a consumer card, the same on a CPU card and on a memory card.

``68 | type | body | authentication code 8 | check sum | 16``. The code is CMAC over the record's
name, the addressee, type and body; the addressee (card, meter, customer) is not part of the
stored order and return, so that a record copied to another card or meter is worthless there.

An order carries a second code of six bytes, made by the server under a key that no authority
card holds: a stolen authority card alone sells nothing that a meter takes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import IntEnum, IntFlag
from typing import Any, ClassVar, TypeVar

from gridtill.cards.errors import Malformed, NotGenuine
from gridtill.cards.fields import Form, Layout, layout, packed
from gridtill.cards.keys import MAC_BYTES, SERVER_MAC_BYTES, MeterKeys, cmac, is_same

_START, _END = 0x68, 0x16
_FRAME = 1 + 1 + MAC_BYTES + 1 + 1
CSN_BYTES = 8


class Purpose(IntEnum):
    """What an order is for, which makes the card an open, purchase, make-up, cancel or meter-change card."""

    OPEN = 1
    PURCHASE = 2
    MAKE_UP = 3
    CANCEL = 5
    METER_CHANGE = 6


class OrderFlag(IntFlag):
    """What else an order brings."""

    PARAMETERS = 1
    RATES = 2
    REISSUE = 64
    STS = 128


class ReturnStatus(IntFlag):
    """What a meter says of itself in a return."""

    OPENED = 1
    RELAY_CLOSED = 2
    OVERDRAFT = 4
    TAMPERED = 8
    TRIPPED_BY_CARD = 16


@dataclass(frozen=True, slots=True)
class Addressee:
    """
    Whom a record is for: a card, a meter and a customer, as their numbers are spelled on a card.

    ``csn`` is the card's eight bytes, the numbers are decimal digits, twelve at most.
    """

    csn: bytes
    meter: str
    customer: str

    def __post_init__(self) -> None:
        if len(self.csn) != CSN_BYTES:
            raise Malformed(f"A card's serial number has {CSN_BYTES} bytes.", field="csn")

    @property
    def meter_octets(self) -> bytes:
        """The meter number in six packed bytes."""
        return packed(self.meter, 6)

    def of_order(self) -> bytes:
        """What an order is bound to: card, meter and customer."""
        return self.csn + self.meter_octets + packed(self.customer, 6)

    def of_return(self) -> bytes:
        """What a return is bound to: card and meter."""
        return self.csn + self.meter_octets


_BIND = layout(
    [
        ("customer", 6, Form.DIGITS, "customer number"),
        ("meter", 6, Form.DIGITS, "meter number"),
        ("overuse", 1, Form.LETTER, "A trips at zero, B has an overdraft, C has one for some hours"),
        ("overdraft", 4, Form.UNSIGNED, "most that may be owed under B and C"),
        ("grace_hours", 1, Form.UNSIGNED, "hours that C supplies once its overdraft is used up"),
        ("alarm_1", 4, Form.UNSIGNED, "credit at which the meter warns first"),
        ("alarm_2", 4, Form.UNSIGNED, "credit at which it warns again"),
        ("hoard", 4, Form.UNSIGNED, "most credit that the meter may hold, 0 is no limit"),
        ("generation", 1, Form.UNSIGNED, "number of these parameters; the meter takes newer ones"),
    ]
)
_ORDER = layout(
    [
        ("purpose", 1, Form.UNSIGNED, "1 open, 2 purchase, 3 make-up, 5 account cancel, 6 meter change"),
        (
            "flags",
            1,
            Form.UNSIGNED,
            "bit 0 parameters changed, 1 rate set present, 6 issued again, 7 body is an STS token",
        ),
        ("sequence", 4, Form.UNSIGNED, "number of the account's purchase; the meter takes its own plus one"),
        ("amount", 4, Form.UNSIGNED, "credit that this order brings"),
        ("total", 4, Form.UNSIGNED, "all that the account ever bought, this order included"),
        ("order_id", 6, Form.BYTES, "the server's name for the order; the same again is the same order"),
        ("authority", 3, Form.UNSIGNED, "number of the authority card"),
        ("authority_counter", 4, Form.UNSIGNED, "that card's sales so far"),
        ("issued", 5, Form.MINUTE, "when it was sold"),
        ("key_version", 1, Form.UNSIGNED, "version of the meter's keys"),
        ("server_code", SERVER_MAC_BYTES, Form.BYTES, "the server's consent, under a key that no authority card holds"),
    ]
)
_RETURN = layout(
    [
        ("generation", 1, Form.UNSIGNED, "number of the write-back; the newest counts"),
        ("status", 2, Form.UNSIGNED, "bit 0 opened, 1 relay closed, 2 in overdraft, 3 tampered, 4 tripped by a card"),
        ("sequence", 4, Form.UNSIGNED, "last purchase that the meter took"),
        ("remaining", 4, Form.SIGNED, "credit in the meter; below zero is overdraft"),
        ("total", 4, Form.UNSIGNED, "all credit that ever came in"),
        ("active", 4, Form.UNSIGNED, "active energy, 0.01 kWh"),
        ("reactive", 4, Form.UNSIGNED, "reactive energy, 0.01 kvarh"),
        ("initial", 4, Form.UNSIGNED, "active energy when the account was opened"),
        ("alarms", 1, Form.UNSIGNED, "how many alarms stand"),
        ("alarm_day", 3, Form.DAY, "day of the last alarm"),
        ("refused", 1, Form.UNSIGNED, "why the last card was refused, 0 if it was not"),
        ("bad_cards", 2, Form.UNSIGNED, "cards refused so far"),
        ("at", 5, Form.MINUTE, "the meter's clock"),
    ]
)
_SHORT_OUT = frozenset(("reactive", "initial", "alarm_day", "refused"))
_SHORT_RETURN = Layout(tuple(field for field in _RETURN.fields if field.name not in _SHORT_OUT))
NO_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  meters know no zone

_Kind = TypeVar("_Kind", bound="Record")


@dataclass(frozen=True, slots=True)
class Record:
    """What all records share: a type byte, a name that goes into the code, and a layout."""

    TYPE: ClassVar[int]
    NAME: ClassVar[str]
    LAYOUT: ClassVar[Layout]

    @classmethod
    def stored_size(cls) -> int:
        """How many bytes it takes on a card, frame included."""
        return cls.LAYOUT.size + _FRAME

    def body(self) -> bytes:
        """
        Spell the fields.

        :raises FieldInvalid: if one does not fit
        """
        return self.LAYOUT.encode(asdict(self))

    def seal(self, key: bytes, addressee: bytes) -> bytes:
        """
        Return the record as it lies on a card, with its code under a key and for an addressee.

        :raises FieldInvalid: if a field does not fit
        """
        return framed(self.TYPE, self.body(), code(key, self.NAME, addressee, self.TYPE, self.body()))

    @classmethod
    def read(cls: type[_Kind], stored: bytes) -> _Kind:
        """
        Read a record without believing it.

        :raises Malformed: if the frame, the check sum or a field is wrong
        """
        return cls(**cls.LAYOUT.decode(unframed(cls.TYPE, stored)[0]))

    @classmethod
    def open(cls: type[_Kind], stored: bytes, key: bytes, addressee: bytes) -> _Kind:
        """
        Read a record that must be genuine.

        :raises Malformed: if the frame, the check sum or a field is wrong
        :raises NotGenuine: if its code is not what the key makes for this addressee
        """
        body, found = unframed(cls.TYPE, stored)
        if not is_same(found, code(key, cls.NAME, addressee, cls.TYPE, body)):
            raise NotGenuine(f"The {cls.NAME.lower()} on this card is not genuine, or not for this card and meter.")
        return cls(**cls.LAYOUT.decode(body))


@dataclass(frozen=True, slots=True)
class Bind(Record):
    """Which customer and meter a card belongs to, and how the meter treats the account."""

    TYPE: ClassVar[int] = 0x01
    NAME: ClassVar[str] = "BIND"
    LAYOUT: ClassVar[Layout] = _BIND

    customer: str
    meter: str
    overuse: str = "A"
    overdraft: int = 0
    grace_hours: int = 0
    alarm_1: int = 0
    alarm_2: int = 0
    hoard: int = 0
    generation: int = 1


@dataclass(frozen=True, slots=True)
class Order(Record):
    """A purchase on its way to the meter, or a card's part in opening, closing or changing it."""

    TYPE: ClassVar[int] = 0x02
    NAME: ClassVar[str] = "ORDER"
    LAYOUT: ClassVar[Layout] = _ORDER

    purpose: int
    sequence: int
    amount: int
    total: int
    order_id: bytes
    authority: int
    authority_counter: int
    issued: datetime
    flags: int = 0
    key_version: int = 1
    server_code: bytes = bytes(SERVER_MAC_BYTES)

    def agreed(self, key: bytes, addressee: Addressee) -> Order:
        """Return the order with the server's code; the authority card's counter is not part of it."""
        return replace(self, server_code=self._server_code(key, addressee))

    def is_agreed(self, key: bytes, addressee: Addressee) -> bool:
        """Tell whether the server agreed to this order for this card, meter and customer."""
        return is_same(self.server_code, self._server_code(key, addressee))

    def _server_code(self, key: bytes, addressee: Addressee) -> bytes:
        bare = replace(self, server_code=bytes(SERVER_MAC_BYTES), authority_counter=0)
        return code(key, "CONSENT", addressee.of_order(), self.TYPE, bare.body())[:SERVER_MAC_BYTES]


@dataclass(frozen=True, slots=True)
class Return(Record):
    """What the meter writes back: what it took, what it holds, what it counted."""

    TYPE: ClassVar[int] = 0x11
    NAME: ClassVar[str] = "RETURN"
    LAYOUT: ClassVar[Layout] = _RETURN

    generation: int
    sequence: int
    remaining: int
    total: int
    active: int
    at: datetime
    status: int = 0
    alarms: int = 0
    bad_cards: int = 0
    reactive: int = 0
    initial: int = 0
    alarm_day: datetime = field(default=NO_DAY)
    refused: int = 0

    def short(self) -> ShortReturn:
        """Return the form of it that a memory card has room for."""
        kept = {name: value for name, value in asdict(self).items() if name not in _SHORT_OUT}
        return ShortReturn(**kept)


@dataclass(frozen=True, slots=True)
class ShortReturn(Record):
    """A return on a memory card."""

    TYPE: ClassVar[int] = 0x12
    NAME: ClassVar[str] = "RETURN"
    LAYOUT: ClassVar[Layout] = _SHORT_RETURN

    generation: int
    sequence: int
    remaining: int
    total: int
    active: int
    at: datetime
    status: int = 0
    alarms: int = 0
    bad_cards: int = 0


def code(key: bytes, name: str, addressee: bytes, kind: int, body: bytes) -> bytes:
    """Return the eight bytes that authenticate a record for its addressee."""
    return cmac(key, name.encode("ascii") + b"\x00" + addressee + bytes((kind,)) + body)[:MAC_BYTES]


def framed(kind: int, body: bytes, mac: bytes) -> bytes:
    """Put a body and its code into the frame that lies on a card."""
    inner = bytes((kind,)) + body + mac
    return bytes((_START,)) + inner + bytes((sum(inner) & 0xFF, _END))


def unframed(kind: int, stored: bytes) -> tuple[bytes, bytes]:
    """
    Take the body and the code out of a frame.

    :raises Malformed: if it is no frame of that type, or its check sum does not hold
    """
    if len(stored) <= _FRAME or stored[0] != _START or stored[-1] != _END:
        raise Malformed("This is no record.")
    inner, check = stored[1:-2], stored[-2]
    if sum(inner) & 0xFF != check:
        raise Malformed("The check sum of this record does not hold.")
    if inner[0] != kind:
        raise Malformed(f"This record has type {inner[0]}, not {kind}.")
    return inner[1:-MAC_BYTES], inner[-MAC_BYTES:]


def seal_order(order: Order, keys: MeterKeys, addressee: Addressee) -> bytes:
    """Return an order as it lies on the card, agreed to and authenticated; for factories, tests and simulators."""
    agreed = order.agreed(keys.order_server, addressee)
    return agreed.seal(keys.order, addressee.of_order())


def open_order(stored: bytes, keys: MeterKeys, addressee: Addressee) -> Order:
    """
    Read an order as the meter does, believing neither desk nor server alone.

    :raises Malformed: if it is no order
    :raises NotGenuine: if either code is wrong for this card, meter and customer
    """
    order = Order.open(stored, keys.order, addressee.of_order())
    if not order.is_agreed(keys.order_server, addressee):
        raise NotGenuine("The server did not agree to this order.")
    return order


def explain(stored: bytes) -> list[tuple[str, str, Any, str]]:
    """
    Return each field of a stored record: its name, its bytes, its value, what it means.

    Nothing is believed by it; a field that spells nothing has the value None.

    :raises Malformed: if the frame is wrong, or its type unknown
    """
    kinds: dict[int, type[Record]] = {kind.TYPE: kind for kind in (Bind, Order, Return, ShortReturn)}
    if len(stored) <= _FRAME or stored[1] not in kinds:
        raise Malformed("This is no record of the card application.")
    body, mac = unframed(stored[1], stored)
    fields = kinds[stored[1]].LAYOUT.fields
    rows: list[tuple[str, str, Any, str]] = []
    at = 0
    for item in fields:
        octets = body[at : at + item.size]
        at += item.size
        try:
            value = item.decode(octets) if len(octets) == item.size else None
        except Malformed:
            value = None
        rows.append((item.name, octets.hex(), value, item.meaning))
    return [*rows, ("code", mac.hex(), None, "authentication code")]
