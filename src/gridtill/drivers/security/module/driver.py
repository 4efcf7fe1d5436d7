"""
A token issuer that has tokens made by external security modules and holds no key at all.

A command that may have reached a module is never sent a second time: what became of it is asked by
``fetch_result``. Results lie in the one module that was asked, so all are asked for them.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from gridtill.drivers.security.base import (
    CreditRequest,
    InvalidRequest,
    IssuedSet,
    IssuedToken,
    IssueRefused,
    IssuerStatus,
    IssueUnknown,
    KeyChangeRequest,
    KeyDescription,
    ManagementRequest,
    MeterSecurity,
    require_key_change,
    slot_of,
)
from gridtill.drivers.security.keyed import context_of, key_missing
from gridtill.drivers.security.module.access import (
    REFUSALS,
    LicenceUsedUp,
    ModuleAccess,
    ModuleRefused,
    ModuleUnreachable,
    ModuleWaits,
    VendingInhibited,
)
from gridtill.drivers.security.module.link import LinkBroken
from gridtill.drivers.security.module.pool import LinkPool
from gridtill.drivers.security.module.wire import OUTCOME_UNKNOWN, LineWrong, ModuleState, built, plain, printable
from gridtill.kernel.errors import Refusal
from gridtill.sts import errors as sts_errors
from gridtill.sts.decoded import WH_PER_UNIT, DecodedToken
from gridtill.sts.keys import require_generation

_DIGITS = re.compile(r"[0-9]{20}")
_CHECK_VALUE = re.compile(r"[0-9A-F]{6,12}")
_Asked = CreditRequest | ManagementRequest | KeyChangeRequest
_Answer = TypeVar("_Answer")
_STS: dict[str, type[sts_errors.StsError]] = {
    kind.code: kind
    for kind in (
        sts_errors.StsError,
        sts_errors.WrongLength,
        sts_errors.WrongDigit,
        sts_errors.WrongCheckDigit,
        sts_errors.WrongCrc,
        sts_errors.WrongClass,
        sts_errors.WrongKey,
        sts_errors.OutOfRange,
    )
}


@lru_cache(maxsize=16)
def open_module(access: ModuleAccess) -> ModuleIssuer:
    """Return this process's issuer for modules; its links are opened when they are needed."""
    return ModuleIssuer(access)


class ModuleIssuer:
    """
    Has tokens made by modules that all hold the same keys; a request has one that it goes to first.

    Another one takes over only where nothing was sent to the first.

    :raises ValueError: without an endpoint or a link
    """

    repeatable = False

    def __init__(self, access: ModuleAccess, waits: ModuleWaits | None = None) -> None:
        if not access.endpoints or access.links < 1:
            raise ValueError("a security module has at least one endpoint and one link")
        self._waits = waits or ModuleWaits()
        self._pools = tuple(LinkPool(address, access, self._waits) for address in access.endpoints)
        self._seen: dict[str, tuple[float, ModuleState]] = {}

    def __repr__(self) -> str:
        return f"<ModuleIssuer at {', '.join(pool.name for pool in self._pools)}>"

    def close(self) -> None:
        """Close the links; they are opened again when they are needed."""
        for pool in self._pools:
            pool.close()

    def require_served(self, meter: MeterSecurity) -> None:
        """
        Make sure that the modules hold a meter's vending key and make tokens; what they said may be seconds old.

        :raises KeyMissing: if one that answers has no such key
        :raises InvalidRequest: if the meter's identity or key parameters are wrong
        :raises ModuleRefused: if none can be reached, or none makes tokens now
        """
        try:
            context_of(meter)
            require_generation(meter.dkga)
        except sts_errors.StsError as error:
            raise InvalidRequest(error.message, remedy=error.remedy, field=error.field) from error
        states = self._states()
        if any(slot_of(meter) not in {_slot(key) for key in state.keys} for state in states):
            raise key_missing(meter)
        _require_ready(states)

    def issue_credit(self, request: CreditRequest) -> IssuedToken:
        """
        Have a credit token made, once; see ``TokenIssuer``.

        :raises ModuleUnreachable: if nothing was sent, and so nothing was made
        :raises IssueRefused: if the module declined
        :raises IssueUnknown: if the request may have reached a module and no complete valid answer came
        """

        def fits(token: IssuedToken) -> bool:
            return token.token_identifier == request.token_identifier and token.units >= request.units

        return self._issue("issue_credit", request, IssuedToken, fits)

    def issue_management(self, request: ManagementRequest) -> IssuedSet:
        """Have a management token made, once; see ``issue_credit``."""
        return self._issue("issue_management", request, IssuedSet, lambda made: len(made.digits) == 1)

    def issue_key_change(self, request: KeyChangeRequest) -> IssuedSet:
        """
        Have the tokens of a key change made, once; see ``issue_credit``.

        :raises KeyChangeForbidden: if no meter may go from one key to the other
        """
        require_key_change(request.meter, request.new)
        return self._issue("issue_key_change", request, IssuedSet, lambda made: 2 <= len(made.digits) <= 4)

    def fetch_result(self, request_id: uuid.UUID) -> IssuedToken | None:
        """
        Give again what a credit request was answered; None if no module made anything for it.

        :raises IssueUnknown: if a module cannot be asked and no other has the answer
        """
        return self._fetch("fetch_result", request_id, IssuedToken)

    def fetch_set(self, request_id: uuid.UUID) -> IssuedSet | None:
        """Give again what another request was answered; see ``fetch_result``."""
        return self._fetch("fetch_set", request_id, IssuedSet)

    def verify(self, meter: MeterSecurity, digits: str) -> DecodedToken:
        """
        Have a token read by a module as the meter would, without applying it.

        :raises IssueRefused: if no module can be asked, or it has no key for the meter
        :raises StsError: if the digits are no token of this meter
        """
        pools = self._order(uuid.uuid5(uuid.NAMESPACE_OID, meter.drn))
        return _first_of(pools, lambda pool: self._verified(pool, meter, digits))

    def status(self) -> IssuerStatus:
        """Tell which keys all reachable modules hold, and how many tokens they may still make together."""
        try:
            states = self._states(anew=True)
        except ModuleUnreachable:
            return IssuerStatus(ready=False, issuer="module")
        held = set.intersection(*(set(state.keys) for state in states))
        counted = [state.remaining for state in states if state.remaining is not None]
        return IssuerStatus(
            ready=bool(held) and any(_makes_tokens(state) for state in states),
            issuer="module",
            keys=tuple(sorted(held, key=_slot)),
            remaining=sum(counted) if len(counted) == len(states) else None,
        )

    def _issue(self, do: str, request: _Asked, kind: type[_Answer], fits: Callable[[_Answer], bool]) -> _Answer:
        deadline = time.monotonic() + self._waits.link_s

        def ask(pool: LinkPool) -> dict[str, Any]:
            # A refusal of this call comes before anything was sent, so the next module may be asked.
            try:
                with pool.link(deadline) as link:
                    return link.ask(do, {"request": plain(request)}, self._waits.answer_s)
            except LinkBroken as broken:
                if broken.was_sent:
                    raise IssueUnknown(request.request_id, _not_answered(pool, broken)) from broken
                raise _unreachable(pool, broken) from broken

        answer = _first_of(self._order(request.request_id), ask)
        if answer.get("error", {}).get("code") == OUTCOME_UNKNOWN:
            raise IssueUnknown(request.request_id, "The security module cannot tell whether it made the token.")
        if "error" in answer:
            raise _refusal(answer["error"])
        try:
            made = built(kind, answer["result"])
        except LineWrong as wrong:
            raise IssueUnknown(request.request_id, f"The security module's answer cannot be read: {wrong}.") from wrong
        if not (_is_sound(made) and fits(made)):
            raise IssueUnknown(request.request_id, "The security module's answer does not fit the request.")
        return made

    def _fetch(self, do: str, request_id: uuid.UUID, kind: type[_Answer]) -> _Answer | None:
        problem = ""
        for pool in self._order(request_id):
            try:
                answer = self._asked_twice(pool, do, {"request_id": str(request_id)})
                found = None if _result(answer) is None else built(kind, _result(answer))
            except (IssueRefused, LineWrong) as declined:
                problem = str(declined)
                continue
            if found is not None and _is_sound(found):
                return found
            if found is not None:
                problem = f"The answer of the security module {pool.name} cannot be."
        if problem:
            raise IssueUnknown(request_id, f"Not every security module could be asked: {problem}")
        return None

    def _verified(self, pool: LinkPool, meter: MeterSecurity, digits: str) -> DecodedToken:
        answer = self._asked_twice(pool, "verify", {"meter": plain(meter), "digits": digits})
        if "error" in answer:
            raise _refusal(answer["error"], _STS)
        return self._read(pool, DecodedToken, answer)

    def _states(self, *, anew: bool = False) -> list[ModuleState]:
        states, unreachable = [], None
        # One that was away a moment ago is not waited for again where another one answers.
        for pool in [pool for pool in self._pools if anew or not pool.is_down] or self._pools:
            try:
                states.append(self._state(pool, anew=anew))
            except ModuleUnreachable as refused:
                unreachable = refused
        if not states and unreachable is not None:
            raise unreachable
        return states

    def _state(self, pool: LinkPool, *, anew: bool) -> ModuleState:
        seen = self._seen.get(pool.name)
        if seen is not None and not anew and time.monotonic() - seen[0] < self._waits.state_s:
            return seen[1]
        state = self._read(pool, ModuleState, self._asked_twice(pool, "status", {}))
        self._seen[pool.name] = (time.monotonic(), state)
        return state

    def _read(self, pool: LinkPool, kind: type[_Answer], answer: dict[str, Any]) -> _Answer:
        try:
            return built(kind, _result(answer))
        except (IssueRefused, LineWrong) as wrong:
            raise _unreachable(pool, wrong) from wrong

    def _asked_twice(self, pool: LinkPool, do: str, content: dict[str, Any]) -> dict[str, Any]:
        """Ask what makes nothing, and once more over a fresh link if no answer came."""
        for fresh in (False, True):
            try:
                with pool.link(time.monotonic() + self._waits.link_s, fresh=fresh) as link:
                    return link.ask(do, content, self._waits.answer_s)
            except LinkBroken as broken:
                problem = broken
        raise _unreachable(pool, problem) from problem

    def _order(self, request_id: uuid.UUID) -> list[LinkPool]:
        """Return the modules in the order in which one request asks them, which is the same in every process."""

        def rank(pool: LinkPool) -> tuple[bool, bool, bytes]:
            seen = self._seen.get(pool.name)
            idle = seen is not None and not _makes_tokens(seen[1])
            return pool.is_down, idle, hashlib.sha256(request_id.bytes + pool.name.encode()).digest()

        return sorted(self._pools, key=rank)


def _first_of(pools: list[LinkPool], ask: Callable[[LinkPool], _Answer]) -> _Answer:
    """Return the answer of the first module that can be asked at all."""
    *others, last = pools
    for pool in others:
        try:
            return ask(pool)
        except ModuleUnreachable:
            continue
    return ask(last)


def _slot(key: KeyDescription) -> tuple[str, int, int, int]:
    return key.supply_group_code, key.key_revision, key.key_type, key.base_date


def _makes_tokens(state: ModuleState) -> bool:
    return state.ready and state.remaining != 0


def _require_ready(states: list[ModuleState]) -> None:
    if any(_makes_tokens(state) for state in states):
        return
    if any(state.remaining == 0 for state in states):
        raise LicenceUsedUp("The security module's licence is used up.")
    reason = next(filter(None, (printable(state.reason) for state in states)), "")
    raise VendingInhibited(reason or "The security module makes no tokens now.")


def _is_sound(made: object) -> bool:
    """Tell whether an answer is in itself what a module may answer."""
    if isinstance(made, IssuedToken):
        fits = made.units > 0 and made.energy_wh == made.units * WH_PER_UNIT
        return fits and _are_tokens(made.digits, check_value=made.vending_key_check_value)
    if isinstance(made, IssuedSet):
        return made.value >= 0 and _are_tokens(*made.digits, check_value=made.vending_key_check_value)
    return False


def _are_tokens(*digits: str, check_value: str) -> bool:
    return bool(digits) and all(map(_DIGITS.fullmatch, digits)) and bool(_CHECK_VALUE.fullmatch(check_value))


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise _refusal(answer["error"])
    return answer["result"]


def _refusal(error: dict[str, Any], more: dict[str, type[sts_errors.StsError]] | None = None) -> Refusal:
    """Return what a module declined with; a code that is not known here is a refusal too, for it says so itself."""
    code, message = error["code"], printable(error["message"])
    kind: type[Refusal] = (more or {}).get(code) or REFUSALS.get(code, ModuleRefused)
    remedy, field = error.get("remedy"), error.get("field")
    return kind(
        message or "The security module declined.",
        remedy=printable(remedy) if isinstance(remedy, str) and remedy else None,
        field=field if isinstance(field, str) and field.isidentifier() else None,
    )


def _not_answered(pool: LinkPool, broken: LinkBroken) -> str:
    return f"The security module {pool.name} was asked and gave no answer: {broken}."


def _unreachable(pool: LinkPool, problem: Exception) -> ModuleUnreachable:
    return ModuleUnreachable(
        "The security module {name} cannot be asked: {reason}.", name=pool.name, reason=str(problem)
    )
