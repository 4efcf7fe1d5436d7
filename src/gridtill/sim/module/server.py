"""The links of a simulated module: greeting, sign-in, one command at a time, and the troubles of a line."""

from __future__ import annotations

import hmac
import secrets
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gridtill.drivers.security.module.wire import (
    ASKED_BYTES_MAXIMUM,
    ISSUES,
    OUTCOME_UNKNOWN,
    PROTOCOL,
    SECRET_MINIMUM,
    VERSION,
    LineCut,
    Lines,
    LineWrong,
    line_of,
    object_of,
    proof,
)
from gridtill.kernel.errors import Refusal
from gridtill.sim.module.faults import FaultKind, Faults
from gridtill.sim.module.making import SimulatedModule

_SIGN_IN_S = 5.0
_IDLE_S = 900.0
_LOOK_S = 0.05
_CLOSES_AT_MOST_S = 10.0


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """
    What a module demands of its links; ``rate`` is how many tokens a second each carries, None as many as it can.

    ``late_s`` is how long a late answer takes beyond the moment until which it is waited for.
    """

    secret: str = field(repr=False)
    links: int = 8
    rate: int | None = None
    late_s: float = 0.5
    tls: ssl.SSLContext | None = None


class ModuleServer:
    """
    Serves a simulated module on an address, in threads of its own, from ``start`` to ``stop``.

    :raises ValueError: if the secret is too short
    :raises OSError: if the address cannot be used
    """

    def __init__(
        self, module: SimulatedModule, terms: LinkTerms, faults: Faults, address: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        if len(terms.secret) < SECRET_MINIMUM:
            raise ValueError(f"a secret has at least {SECRET_MINIMUM} characters")
        self.module, self.faults = module, faults
        self._terms = terms
        self._listener = socket.create_server(address)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._ending = threading.Event()
        self._links: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, name="module")

    def start(self) -> None:
        """Begin to serve."""
        self._accepting.start()

    def stop(self) -> None:
        """Cut all links, end all threads and free the address."""
        self._ending.set()
        with suppress(OSError):
            # It wakes the thread that waits for a link.
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._accepting.ident is not None:
            self._accepting.join(_CLOSES_AT_MOST_S)
        self._listener.close()
        with self._lock:
            links = dict(self._links)
        for thread, peer in links.items():
            _cut(peer)
            thread.join(_CLOSES_AT_MOST_S)

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                peer, _address = self._listener.accept()
            except OSError:
                # The end, or a link that was gone before it was looked at.
                self._ending.wait(_LOOK_S)
                continue
            with self._lock:
                full = len(self._links) >= self._terms.links
                thread = threading.Thread(target=self._refuse if full else self._serve, args=(peer,))
                self._links[thread] = peer
            thread.start()

    def _refuse(self, peer: socket.socket) -> None:
        self._told(peer, {"error": {"code": "too_many_links", "message": "The module has no link left"}})
        self._gone(peer)

    def _serve(self, peer: socket.socket) -> None:
        try:
            peer.settimeout(_SIGN_IN_S)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            speaker = self._terms.tls.wrap_socket(peer, server_side=True) if self._terms.tls else peer
            with self._lock:
                self._links[threading.current_thread()] = speaker
            peer = speaker
            lines = Lines(peer, ASKED_BYTES_MAXIMUM)
            if self._signs_in(peer, lines):
                self._carry(peer, lines)
        except LineWrong as wrong:
            self._told(peer, {"id": None, "error": {"code": "malformed", "message": f"Not understood: {wrong}."}})
        except (OSError, LineCut):
            pass
        finally:
            self._gone(peer)

    def _gone(self, peer: socket.socket) -> None:
        _cut(peer)
        with self._lock:
            self._links.pop(threading.current_thread(), None)

    def _told(self, peer: socket.socket, content: dict[str, Any]) -> None:
        with suppress(OSError):
            peer.sendall(line_of(content))

    def _signs_in(self, peer: socket.socket, lines: Lines) -> bool:
        nonce, deadline = secrets.token_hex(16), time.monotonic() + _SIGN_IN_S
        greeting = {"protocol": PROTOCOL, "version": VERSION, "nonce": nonce, "clock_ms": _clock_ms()}
        peer.sendall(line_of(greeting))
        answer = object_of(lines.next(deadline))
        theirs, shown = answer.get("nonce"), answer.get("proof")
        if not isinstance(theirs, str) or not isinstance(shown, str):
            raise LineWrong("the sign-in is incomplete")
        if not hmac.compare_digest(shown.encode(), proof(self._terms.secret, "server", nonce, theirs).encode()):
            self._told(peer, {"error": {"code": "sign_in_refused", "message": "The secret is another one."}})
            return False
        peer.sendall(line_of({"proof": proof(self._terms.secret, "module", nonce, theirs)}))
        return True

    def _carry(self, peer: socket.socket, lines: Lines) -> None:
        free_at = time.monotonic()
        while not self._ending.is_set():
            command = object_of(lines.next(time.monotonic() + _IDLE_S))
            identity, do, until = command.get("id"), command.get("do"), command.get("until_ms")
            if not isinstance(identity, str) or not isinstance(do, str) or type(until) is not int:
                raise LineWrong("a command is incomplete")
            if do in ISSUES and self._terms.rate:
                self._ending.wait(max(0.0, free_at - time.monotonic()))
                free_at = max(free_at, time.monotonic()) + 1 / self._terms.rate
            if not self._answer(peer, command, self.faults.next() if do in ISSUES else None):
                return

    def _answer(self, peer: socket.socket, command: dict[str, Any], fault: FaultKind | None) -> bool:
        """Carry one command out; False if the link is to be cut."""
        if fault is FaultKind.CUT_BEFORE:
            return False
        answer: dict[str, Any] = {"id": command["id"]}
        until = command["until_ms"]
        try:
            answer["result"] = self.module.do(command["do"], command, lambda: _clock_ms() <= until)
        except Refusal as refusal:
            answer["error"] = {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}
            if refusal.field:
                answer["error"]["field"] = refusal.field
        except LineWrong as wrong:
            answer["error"] = {"code": "issue_request_invalid", "message": f"Not understood: {wrong}."}
        except OSError:
            answer["error"] = {"code": OUTCOME_UNKNOWN, "message": "The answer could not be remembered."}
        if fault is FaultKind.CUT_AFTER:
            return False
        if fault is FaultKind.LATE:
            self._ending.wait(max(0.0, (until - _clock_ms()) / 1000) + self._terms.late_s)
        if fault is not FaultKind.LOST:
            peer.sendall(_spoilt(line_of(answer), fault))
        return True


def _spoilt(line: bytes, fault: FaultKind | None) -> bytes:
    if fault is FaultKind.GARBLED:
        return line[:20] + bytes(octet ^ 0x15 for octet in line[20:40]) + line[40:]
    if fault is FaultKind.OTHER_ID:
        return line_of({**object_of(line), "id": "00000000-0000-4000-8000-000000000000"})
    if fault is FaultKind.HALF:
        return line[: len(line) // 2]
    return line


def _clock_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _cut(peer: socket.socket) -> None:
    with suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)
    peer.close()
