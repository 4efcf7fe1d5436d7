"""
The meter's side: which tokens it takes, what they change, and what it answers to the others.

``accept`` is a pure step from a meter's state and twenty digits to its next state and a
``Verdict``; a refusal leaves everything but the count of wrong entries as it was. Who runs a
meter stores the state before anybody sees the verdict, so that a token is never taken twice.

Source: IEC 62055-41, "TokenAcceptance" and "TokenValidation"; IEC 62055-41, "Key change processing".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gridtill.sts.decoded import DecodedToken
from gridtill.sts.errors import StsError, WrongClass, WrongCrc
from gridtill.sts.keys import MISTY1, DecoderKey, KeyType
from gridtill.sts.tid import BASE_DATES, is_expired
from gridtill.sts.tokens import ManagementSubclass, TokenClass, decode

STORED_IDENTIFIERS = 50
ALL_REGISTERS = 0xFFFF
SECTION_LIFETIME_S = 600
_LOCK_FIRST_S, _LOCK_LONGEST_S = 10, 1280
_SECTIONS = {
    ManagementSubclass.SET_DECODER_KEY_1: 1,
    ManagementSubclass.SET_DECODER_KEY_2: 2,
    ManagementSubclass.SET_DECODER_KEY_3: 3,
    ManagementSubclass.SET_DECODER_KEY_4: 4,
}


class Verdict(StrEnum):
    """What a meter answers to a token; the values are the names that meters' registers use."""

    ACCEPT = "Accept"
    FIRST_SECTION = "1stKCT"
    SECOND_SECTION = "2ndKCT"
    THIRD_SECTION = "3rdKCT"
    FOURTH_SECTION = "4thKCT"
    OVERFLOW = "OverflowError"
    KEY_TYPE = "KeyTypeError"
    FORMAT = "FormatError"
    RANGE = "RangeError"
    FUNCTION = "FunctionError"
    OLD = "OldError"
    USED = "UsedError"
    KEY_EXPIRED = "KeyExpiredError"
    DEFAULT_KEY = "DDTKError"
    CRC = "CRCError"
    MANUFACTURER = "MfrCodeError"
    LOCKED = "Lockout"

    @property
    def is_taken(self) -> bool:
        """Whether the meter took the token, be it as one section of a key change."""
        return self in _TAKEN


_SECTION_VERDICTS = (
    Verdict.FIRST_SECTION,
    Verdict.SECOND_SECTION,
    Verdict.THIRD_SECTION,
    Verdict.FOURTH_SECTION,
)
_TAKEN = frozenset((Verdict.ACCEPT, *_SECTION_VERDICTS))


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a key change that waits for the others: its 44 bits, and when it came."""

    content: int = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class MeterState:
    """
    Everything of a meter that tokens depend on or change.

    ``subclasses`` are the credit subclasses it measures; ``credit`` holds what came in for each,
    in the token's units. ``identifiers`` is the store of the last token identifiers taken.
    ``lock_after`` wrong entries in a row lock the keypad for a while; 0 never does.
    """

    key: DecoderKey
    key_type: int = KeyType.UNIQUE
    key_revision: int = 1
    key_expiry: int = 255
    tariff_index: str = "01"
    base_date: int = 2014
    supply_group_code: str = "000000"
    manufacturer: int = 0
    subclasses: frozenset[int] = frozenset((0,))
    credit: Mapping[int, int] = field(default_factory=dict)
    credit_maximum: int = 10**9
    identifiers: tuple[int, ...] = (0,) * STORED_IDENTIFIERS
    sections: Mapping[int, Section] = field(default_factory=dict)
    power_limit_w: int | None = None
    unbalance_limit_w: int | None = None
    is_tampered: bool = False
    lock_after: int = 0
    wrong_entries: int = 0
    locked_until: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one entry; ``token`` is what was read, where it could be read."""

    verdict: Verdict
    state: MeterState
    token: DecodedToken | None = None


def accept(state: MeterState, digits: str, *, at: int) -> Answer:
    """
    Take or refuse a token that was keyed in; ``at`` is the meter's own clock in seconds.

    >>> from gridtill.sts.tokens import encode_credit
    >>> meter = MeterState(DecoderKey("11", bytes(range(16))))
    >>> token = encode_credit(meter.key, 322, 6_612_480, 5)
    >>> first = accept(meter, token, at=0)
    >>> str(first.verdict), first.state.credit[0], str(accept(first.state, token, at=0).verdict)
    ('Accept', 322, 'UsedError')
    """
    try:
        token = decode(digits, state.key)
    except StsError as error:
        return _counted(state, Answer(_unreadable(error), state), at)
    if token.token_class == TokenClass.TEST:
        # A test is taken while the keypad is locked, and unlocks nothing.
        return Answer(_test(state, token), state, token)
    if at < state.locked_until:
        return Answer(Verdict.LOCKED, state)
    verdict, after = _judge(state, token, at)
    return _counted(state, Answer(verdict, after, token), at)


def power_cycled(state: MeterState) -> MeterState:
    """Return the state after the supply came back: the keypad is free, and half a key change is forgotten."""
    return replace(state, wrong_entries=0, locked_until=0, sections={})


def _unreadable(error: StsError) -> Verdict:
    if isinstance(error, WrongCrc):
        return Verdict.CRC
    return Verdict.FUNCTION if isinstance(error, WrongClass) else Verdict.FORMAT


def _counted(before: MeterState, answer: Answer, at: int) -> Answer:
    """Count wrong entries, and lock the keypad for longer each time."""
    if at < before.locked_until:
        return Answer(Verdict.LOCKED, before)
    if answer.verdict.is_taken:
        return replace(answer, state=replace(answer.state, wrong_entries=0, locked_until=0))
    wrong = before.wrong_entries + 1
    until = 0
    if before.lock_after and wrong >= before.lock_after:
        until = at + min(_LOCK_FIRST_S << min(wrong - before.lock_after, 8), _LOCK_LONGEST_S)
    return replace(answer, state=replace(before, wrong_entries=wrong, locked_until=until))


def _test(state: MeterState, token: DecodedToken) -> Verdict:
    if token.subclass not in (0, 1):
        return Verdict.FUNCTION
    code = token.data & (0xFFFF if token.subclass else 0xFF)
    return Verdict.ACCEPT if code in (0, state.manufacturer) else Verdict.MANUFACTURER


def _judge(state: MeterState, token: DecodedToken, at: int) -> tuple[Verdict, MeterState]:
    if token.token_class == TokenClass.CREDIT and state.key_type in (KeyType.INITIALIZATION, KeyType.DEFAULT):
        return Verdict.DEFAULT_KEY, state
    if token.token_class == TokenClass.MANAGEMENT and token.subclass in _SECTIONS:
        return _collect(state, token, at)
    change = _change_of(state, token)
    if change is None or token.token_identifier is None or token.value is None:
        return Verdict.FUNCTION, state
    refused = _refused_for_its_minute(state, token.token_identifier)
    if refused is not None:
        return refused, state
    verdict, after = change(state, token.subclass, token.value)
    if verdict is Verdict.ACCEPT:
        kept = sorted(state.identifiers)[1:]
        after = replace(after, identifiers=(*kept, token.token_identifier))
    return verdict, after


def _refused_for_its_minute(state: MeterState, token_identifier: int) -> Verdict | None:
    if is_expired(token_identifier, state.key_expiry):
        return Verdict.KEY_EXPIRED
    if token_identifier in state.identifiers:
        return Verdict.USED
    return Verdict.OLD if token_identifier < min(state.identifiers) else None


_Change = Callable[[MeterState, int, int], tuple[Verdict, MeterState]]


def _change_of(state: MeterState, token: DecodedToken) -> _Change | None:
    """Return what a token would do here, None if this meter has no such function."""
    if token.token_class == TokenClass.CREDIT:
        return _add_credit if token.subclass in state.subclasses else None
    return _MANAGEMENT.get(token.subclass)


def _add_credit(state: MeterState, subclass: int, value: int) -> tuple[Verdict, MeterState]:
    total = state.credit.get(subclass, 0) + value
    if total > state.credit_maximum:
        return Verdict.OVERFLOW, state
    return Verdict.ACCEPT, replace(state, credit={**state.credit, subclass: total})


def _clear_credit(state: MeterState, _subclass: int, register: int) -> tuple[Verdict, MeterState]:
    if register == ALL_REGISTERS:
        return Verdict.ACCEPT, replace(state, credit={})
    if register not in state.subclasses:
        return Verdict.RANGE, state
    return Verdict.ACCEPT, replace(state, credit={**state.credit, register: 0})


def _limit_power(state: MeterState, _subclass: int, watts: int) -> tuple[Verdict, MeterState]:
    return Verdict.ACCEPT, replace(state, power_limit_w=watts)


def _limit_unbalance(state: MeterState, _subclass: int, watts: int) -> tuple[Verdict, MeterState]:
    return Verdict.ACCEPT, replace(state, unbalance_limit_w=watts)


def _clear_tamper(state: MeterState, _subclass: int, _value: int) -> tuple[Verdict, MeterState]:
    return Verdict.ACCEPT, replace(state, is_tampered=False)


_MANAGEMENT: dict[int, _Change] = {
    ManagementSubclass.SET_MAXIMUM_POWER_LIMIT: _limit_power,
    ManagementSubclass.CLEAR_CREDIT: _clear_credit,
    ManagementSubclass.CLEAR_TAMPER_CONDITION: _clear_tamper,
    ManagementSubclass.SET_MAXIMUM_PHASE_UNBALANCE: _limit_unbalance,
}


def _collect(state: MeterState, token: DecodedToken, at: int) -> tuple[Verdict, MeterState]:
    """Keep a section of a key change, and change the key once the last one is there."""
    number = _SECTIONS[ManagementSubclass(token.subclass)]
    content = token.data & (1 << 44) - 1
    if number > (4 if state.key.algorithm == MISTY1 else 3):
        return Verdict.FUNCTION, state
    if number == 1 and not _may_become(state.key_type, content >> 32 & 3):
        return Verdict.KEY_TYPE, state
    fresh = {name: kept for name, kept in state.sections.items() if 0 <= at - kept.at <= SECTION_LIFETIME_S}
    sections = {**fresh, number: Section(content, at)}
    if set(sections) != _wanted(state.key.algorithm, sections):
        return _SECTION_VERDICTS[number - 1], replace(state, sections=sections)
    return Verdict.ACCEPT, _with_new_key(state, {name: kept.content for name, kept in sections.items()})


def _may_become(old_type: int, new_type: int) -> bool:
    """Tell whether a keypad meter takes a key of a type: never a common one, a factory one only after its like."""
    return new_type != KeyType.COMMON and (new_type != KeyType.INITIALIZATION or old_type == KeyType.INITIALIZATION)


def _wanted(algorithm: str, sections: Mapping[int, Section]) -> set[int]:
    if algorithm == MISTY1:
        return {1, 2, 3, 4}
    has_third = 1 not in sections or sections[1].content >> 34 & 1
    return {1, 2, 3} if has_third else {1, 2} | (sections.keys() & {3})


def _with_new_key(state: MeterState, sections: Mapping[int, int]) -> MeterState:
    head, tail = sections[1] >> 32, sections[2] >> 32
    words = [sections[1], sections[2]]
    group = "000000"
    if state.key.algorithm == MISTY1:
        words = [sections[1], sections[3], sections[4], sections[2]]
        group = f"{sections[4] >> 32 << 12 | sections[3] >> 32:06d}"
    elif head >> 2 & 1:
        group = f"{sections[3] >> 20:06d}"
    rollover = bool(head >> 3 & 1)
    return replace(
        state,
        key=DecoderKey(
            state.key.algorithm,
            b"".join((word & 0xFFFFFFFF).to_bytes(4, "big") for word in words),
            state.key.tables,
        ),
        key_type=head & 3,
        key_revision=head >> 4 & 0xF,
        key_expiry=head >> 8 << 4 | tail >> 8,
        tariff_index=f"{tail & 0xFF:02d}",
        supply_group_code=group,
        base_date=_later(state.base_date) if rollover else state.base_date,
        identifiers=(0,) * STORED_IDENTIFIERS if rollover else state.identifiers,
        sections={},
    )


def _later(base_date: int) -> int:
    return next((year for year in BASE_DATES if year > base_date), base_date)
