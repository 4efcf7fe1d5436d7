"""
A virtual consumer card with a processor: secure channel, records, order state, journal.

It answers APDUs and knows nothing of readers. Its memory may wear out or lose power at any
write; what is volatile, the open session above all, is gone after ``reset``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass, replace

from gridtill.cards.channel import CHALLENGE_BYTES, Role, Session, card_proof, host_proof
from gridtill.cards.commands import AID, PLAIN, SECURE, Answer, Command, Ins, Life, OrderState, Part, Status
from gridtill.cards.errors import Malformed, NotGenuine
from gridtill.cards.journal import Journal, Worn
from gridtill.cards.keys import KEY_BYTES, MAC_BYTES, is_same
from gridtill.cards.records import CSN_BYTES, Bind, Order, Return

MOST_FAILURES = 15
_HEAD = 4
_CONTENT = _HEAD + CSN_BYTES + 3 * KEY_BYTES + Bind.stored_size() + Order.stored_size() + Return.stored_size()
CELLS = 2 * (_CONTENT + 10)


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that a consumer card keeps when it is pulled out."""

    csn: bytes
    desk_key: bytes
    issuer_key: bytes
    life: int = Life.ISSUED
    order_state: int = OrderState.NONE
    failures: int = 0
    meter_key: bytes = bytes(KEY_BYTES)
    bind: bytes = bytes(Bind.stored_size())
    order: bytes = bytes(Order.stored_size())
    returned: bytes = bytes(Return.stored_size())

    def encode(self) -> bytes:
        """Spell it for the journal."""
        head = bytes((1, self.life, self.order_state, self.failures))
        keys = self.desk_key + self.issuer_key + self.meter_key
        return head + self.csn + keys + self.bind + self.order + self.returned

    @classmethod
    def decode(cls, octets: bytes) -> Content:
        """Read what ``encode`` spelled."""
        cuts, at = [], _HEAD
        sizes = (CSN_BYTES, *[KEY_BYTES] * 3, Bind.stored_size(), Order.stored_size(), Return.stored_size())
        for size in sizes:
            cuts.append(octets[at : at + size])
            at += size
        csn, desk, issuer, meter, bind, order, returned = cuts
        return cls(csn, desk, issuer, octets[1], octets[2], octets[3], meter, bind, order, returned)


class _Refused(Exception):
    """The card says no with a status word."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


class ConsumerCard:
    """A card in somebody's hand; ``cells`` is its memory, and outlives every reset."""

    def __init__(self, cells: MutableSequence[int]) -> None:
        self.cells = cells
        self.reset()

    @classmethod
    def issue(cls, csn: bytes, *, desk_key: bytes, issuer_key: bytes) -> ConsumerCard:
        """Make a card as the factory desk does, with its keys and nothing on it."""
        card = cls(bytearray(CELLS))
        card._journal.write(Content(csn, desk_key, issuer_key).encode())
        return card

    def reset(self) -> None:
        """Lose what is volatile, as a card does that loses power."""
        self._journal = Journal(self.cells, _CONTENT)
        self._selected = False
        self._host_challenge = self._card_challenge = b""
        self._pending: Session | None = None
        self._session: Session | None = None
        self._role: Role | None = None

    @property
    def content(self) -> Content:
        """
        What the card keeps.

        :raises Malformed: if it is blank
        """
        stored = self._journal.read()
        if stored is None:
            raise Malformed("The card is blank.")
        return Content.decode(stored)

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one APDU; whatever comes in, a status word goes out."""
        try:
            answer = self._answer(Command.parse(apdu))
        except Malformed:
            answer = Answer(Status.WRONG_LENGTH)
        except _Refused as refused:
            answer = Answer(refused.status)
        return answer.encode()

    def _answer(self, command: Command) -> Answer:
        if command.cla == 0 and command.ins == Ins.SELECT:
            return self._select(command)
        if not self._selected:
            raise _Refused(Status.CONDITIONS)
        if command.cla == PLAIN:
            plain: dict[int, Callable[[Command], Answer]] = {Ins.CHALLENGE: self._challenge, Ins.PROVE: self._prove}
            return plain.get(command.ins, _unknown)(command)
        if command.cla == SECURE:
            return self._secure(command)
        raise _Refused(Status.UNKNOWN_CLASS)

    def _select(self, command: Command) -> Answer:
        if command.p1 != 4 or command.data != AID or self._journal.read() is None:
            raise _Refused(Status.NOT_FOUND)
        self.reset()
        self._selected = True
        kept = self.content
        return Answer(Status.OK, kept.csn + bytes((kept.life, kept.order_state)))

    def _challenge(self, command: Command) -> Answer:
        kept = self.content
        if kept.life == Life.DEAD or kept.failures >= MOST_FAILURES:
            raise _Refused(Status.BLOCKED)
        if command.p1 not in set(Role) or len(command.data) != CHALLENGE_BYTES:
            raise _Refused(Status.WRONG_PLACE)
        keys = {Role.DESK: kept.desk_key, Role.METER: kept.meter_key, Role.ISSUER: kept.issuer_key}
        role = Role(command.p1)
        if role is Role.METER and kept.life != Life.ACTIVE:
            raise _Refused(Status.CONDITIONS)
        self._host_challenge, self._card_challenge = command.data, secrets.token_bytes(CHALLENGE_BYTES)
        self._session, self._role = None, role
        self._pending = Session.between(keys[role], self._host_challenge, self._card_challenge)
        proof = card_proof(self._pending, self._host_challenge, self._card_challenge, kept.csn)
        return Answer(Status.OK, self._card_challenge + proof)

    def _prove(self, command: Command) -> Answer:
        pending, self._pending = self._pending, None
        if pending is None:
            raise _Refused(Status.CONDITIONS)
        kept = self.content
        # Counted before it is compared, so that pulling the card out saves nobody a try.
        self._keep(replace(kept, failures=kept.failures + 1))
        if not is_same(host_proof(pending, self._host_challenge, self._card_challenge), command.data):
            raise _Refused(Status.NOT_AUTHENTICATED)
        self._keep(replace(kept, failures=0))
        self._session = pending
        return Answer(Status.OK)

    def _secure(self, command: Command) -> Answer:
        if self._session is None or self._role is None:
            raise _Refused(Status.NOT_AUTHENTICATED)
        data, code = command.data[:-MAC_BYTES], command.data[-MAC_BYTES:]
        try:
            self._session.check_command(command.header, data, code)
        except NotGenuine:
            self._session = None
            raise _Refused(Status.CODE_WRONG) from None
        acts: dict[tuple[int, Role | None], Callable[[Command, bytes], bytes]] = {
            (Ins.READ, None): self._read,
            (Ins.PUT, Role.DESK): self._put,
            (Ins.WRITE_BACK, Role.METER): self._write_back,
            (Ins.LIFE, Role.ISSUER): self._life,
        }
        act = acts.get((command.ins, None)) or acts.get((command.ins, self._role))
        status, answer = Status.CONDITIONS, b""
        if act is not None:
            try:
                status, answer = Status.OK, act(command, data)
            except _Refused as refused:
                status = Status(refused.status)
        return Answer(status, answer + self._session.answer_code(status, answer))

    def _read(self, command: Command, _data: bytes) -> bytes:
        kept = self.content
        parts = {Part.BIND: kept.bind, Part.ORDER: kept.order, Part.RETURN: kept.returned}
        if command.p1 not in parts:
            raise _Refused(Status.WRONG_PLACE)
        return parts[Part(command.p1)]

    def _put(self, _command: Command, data: bytes) -> bytes:
        """Take an order, and with it perhaps a bind and the meter's key to this card, in one commit."""
        kept = self.content
        sizes = (Order.stored_size(), Bind.stored_size(), KEY_BYTES)
        if len(data) not in (sizes[0], sum(sizes)):
            raise _Refused(Status.WRONG_LENGTH)
        if kept.life not in (Life.ISSUED, Life.ACTIVE):
            raise _Refused(Status.CONDITIONS)
        order = self._parsed(data[: sizes[0]])
        if data[: sizes[0]] == kept.order:
            # The desk lost the answer and asks again.
            return b""
        self._check_follows(kept, order, with_bind=len(data) > sizes[0])
        new = replace(kept, life=Life.ACTIVE, order=data[: sizes[0]], order_state=OrderState.WAITING)
        if len(data) > sizes[0]:
            bind, key = data[sizes[0] : -KEY_BYTES], data[-KEY_BYTES:]
            new = replace(new, bind=bind, meter_key=key)
        self._keep(new)
        return b""

    def _check_follows(self, kept: Content, order: Order, *, with_bind: bool) -> None:
        if kept.life == Life.ISSUED:
            if not with_bind:
                raise _Refused(Status.CONDITIONS)
            return
        if kept.order_state == OrderState.WAITING:
            raise _Refused(Status.CONDITIONS)
        if order.sequence != self._parsed(kept.order).sequence + 1:
            raise _Refused(Status.WRONG_DATA)

    def _parsed(self, stored: bytes) -> Order:
        try:
            return Order.read(stored)
        except Malformed:
            raise _Refused(Status.WRONG_DATA) from None

    def _write_back(self, command: Command, data: bytes) -> bytes:
        if len(data) != Return.stored_size() or command.p1 > 2:
            raise _Refused(Status.WRONG_LENGTH)
        new = replace(self.content, returned=data)
        if command.p1:
            new = replace(new, order_state=OrderState.TAKEN)
        self._keep(replace(new, life=Life.CANCELLED) if command.p1 == 2 else new)
        return b""

    def _life(self, command: Command, _data: bytes) -> bytes:
        kept = self.content
        if command.p1 not in (Life.ISSUED, Life.DEAD):
            raise _Refused(Status.WRONG_PLACE)
        if command.p1 == Life.ISSUED and kept.order_state == OrderState.WAITING and kept.life == Life.ACTIVE:
            # What was paid for and not loaded is not wiped.
            raise _Refused(Status.CONDITIONS)
        blank = Content(kept.csn, kept.desk_key, kept.issuer_key)
        self._keep(blank if command.p1 == Life.ISSUED else replace(kept, life=Life.DEAD))
        return b""

    def _keep(self, content: Content) -> None:
        try:
            self._journal.write(content.encode())
        except Worn:
            raise _Refused(Status.MEMORY_WORN) from None


def _unknown(_command: Command) -> Answer:
    raise _Refused(Status.UNKNOWN_INSTRUCTION)
