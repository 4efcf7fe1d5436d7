"""What a simulated module does with a command: it makes each request's tokens once and remembers them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from gridtill.drivers.security.base import (
    CreditRequest,
    IssuedSet,
    IssuedToken,
    KeyChangeRequest,
    KeySlot,
    ManagementRequest,
    MeterSecurity,
    RequestConflict,
)
from gridtill.drivers.security.module.access import AskedTooLate, LicenceUsedUp, VendingInhibited
from gridtill.drivers.security.module.wire import ISSUES, LineWrong, ModuleState, built, plain
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.sim.module.memory import AnyAnswer, AnyRequest, Memory, Remembered

_LARGEST_SET = 4


class SimulatedModule:
    """
    Makes tokens with keys that it is given, each request's once, and counts them.

    ``licence`` is how many tokens it may ever make, or None. ``inhibited`` is a reason to make none for now.
    """

    def __init__(
        self,
        vending_keys: Mapping[KeySlot, bytes],
        memory: Memory,
        *,
        licence: int | None = None,
        name: str = "SIM00001",
    ) -> None:
        self._issuer = SoftwareIssuer(vending_keys)
        self._memory, self._licence, self._name = memory, licence, name
        self._lock = threading.Lock()
        self.inhibited = ""

    def __repr__(self) -> str:
        return f"<SimulatedModule {self._name}>"

    @property
    def made(self) -> int:
        """How many tokens were ever made; asking again does not count."""
        with self._lock:
            return self._memory.tokens

    def state(self) -> ModuleState:
        """Tell which keys there are and how many tokens may still be made."""
        keys = self._issuer.status().keys
        made = self.made
        remaining = None if self._licence is None else max(0, self._licence - made)
        ready = bool(keys) and not self.inhibited and remaining != 0
        return ModuleState(self._name, ready, made, keys, remaining, self.inhibited)

    def do(self, command: str, content: Mapping[str, Any], in_time: Callable[[], bool]) -> Any:
        """
        Carry a command out and return its result as what JSON can hold; ``in_time`` is asked before making.

        :raises Refusal: if it was declined, and nothing was made
        :raises LineWrong: if there is no such command, or its content cannot be read
        :raises OSError: if a token was made and could not be remembered
        """
        if command in ISSUES:
            return plain(self._issue(command, built(ISSUES[command], content.get("request")), in_time))
        if command in {"fetch_result", "fetch_set"}:
            kind = IssuedToken if command == "fetch_result" else IssuedSet
            with self._lock:
                kept = self._memory.get(_identity(content.get("request_id")))
            return plain(kept.answer) if kept is not None and isinstance(kept.answer, kind) else None
        if command == "verify":
            digits = content.get("digits")
            if not isinstance(digits, str):
                raise LineWrong("digits is of another kind")
            return plain(self._issuer.verify(built(MeterSecurity, content.get("meter")), digits))
        if command == "status":
            return plain(self.state())
        if command == "ping":
            return None
        raise LineWrong("there is no such command")

    def _issue(self, command: str, request: AnyRequest, in_time: Callable[[], bool]) -> AnyAnswer:
        with self._lock:
            kept = self._memory.get(request.request_id)
            if kept is not None:
                if kept.request != request:
                    raise RequestConflict("This request was answered before with other content.")
                return kept.answer
            if not in_time():
                raise AskedTooLate("The request was read after its answer was waited for.")
            if self.inhibited:
                raise VendingInhibited(self.inhibited)
            answer = self._made(request)
            self._memory.put(Remembered(command, request, answer))
            return answer

    def _made(self, request: AnyRequest) -> AnyAnswer:
        most = _LARGEST_SET if isinstance(request, KeyChangeRequest) else 1
        if self._licence is not None and self._memory.tokens + most > self._licence:
            raise LicenceUsedUp("The licence does not allow another token.")
        if isinstance(request, CreditRequest):
            return self._issuer.issue_credit(request)
        if isinstance(request, ManagementRequest):
            return self._issuer.issue_management(request)
        return self._issuer.issue_key_change(request)


def _identity(raw: Any) -> UUID:
    try:
        return UUID(raw)
    except (ValueError, TypeError, AttributeError):
        raise LineWrong("request_id is not a UUID") from None
