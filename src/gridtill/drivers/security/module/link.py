"""One signed-in link to a module, which carries one command at a time."""

from __future__ import annotations

import hmac
import secrets
import select
import socket
import ssl
import time
import uuid
from typing import Any

from gridtill.drivers.security.module.access import ModuleUnreachable, SignInRefused, endpoint_name
from gridtill.drivers.security.module.wire import (
    ANSWER_BYTES_MAXIMUM,
    ASKED_BYTES_MAXIMUM,
    PROTOCOL,
    VERSION,
    LineCut,
    Lines,
    LineWrong,
    left_until,
    line_of,
    object_of,
    printable,
    proof,
)

# The module's clock and ours drift apart; a link does not live long enough for that to matter.
_LIFE_S = 600.0
_PING_AFTER_S = 10.0


class LinkBroken(Exception):
    """
    No complete and valid answer came over a link, which is of no more use.

    ``was_sent`` says that the module may have read the command.
    """

    def __init__(self, why: str, *, was_sent: bool) -> None:
        super().__init__(why)
        self.was_sent = was_sent


class Link:
    """
    A connection that was greeted and signed in on.

    :raises ModuleUnreachable: if there is no connection, or what answers is no module
    :raises SignInRefused: if the module does not know the same secret
    """

    def __init__(self, address: tuple[str, int], secret: str, tls: ssl.SSLContext | None, deadline: float) -> None:
        self._name = endpoint_name(address)
        try:
            self._peer = _connected(address, tls, deadline)
        except (OSError, ValueError) as error:
            raise self._unreachable(_reason(error)) from error
        self._lines = Lines(self._peer, ANSWER_BYTES_MAXIMUM)
        self._born = self._used = time.monotonic()
        try:
            self._sign_in(secret, deadline)
        except (OSError, LineCut, LineWrong, LinkBroken) as error:
            self.close()
            raise self._unreachable(_reason(error)) from error
        except BaseException:
            self.close()
            raise

    def _unreachable(self, reason: str) -> ModuleUnreachable:
        return ModuleUnreachable(
            "The security module {name} cannot be asked: {reason}.", name=self._name, reason=reason
        )

    def _sign_in(self, secret: str, deadline: float) -> None:
        greeting = object_of(self._lines.next(deadline))
        self._greeted_at = time.monotonic()
        if "error" in greeting:
            raise self._unreachable(printable(_words(greeting["error"], "message")) or "it declined the link")
        if (greeting.get("protocol"), greeting.get("version")) != (PROTOCOL, VERSION):
            raise LineWrong("it speaks another protocol or version")
        nonce, clock = greeting.get("nonce"), greeting.get("clock_ms")
        if not isinstance(nonce, str) or type(clock) is not int or clock < 0:
            raise LineWrong("its greeting is incomplete")
        self._clock_ms = clock
        own = secrets.token_hex(16)
        self._send(line_of({"nonce": own, "proof": proof(secret, "server", nonce, own)}), deadline)
        answer = object_of(self._lines.next(deadline))
        shown = answer.get("proof")
        # It shows in turn that it knows the secret: tokens of an impostor are not sold.
        if not isinstance(shown, str) or not hmac.compare_digest(
            shown.encode(), proof(secret, "module", nonce, own).encode()
        ):
            raise SignInRefused("The security module {name} knows another secret.", name=self._name)

    def _send(self, line: bytes, deadline: float) -> None:
        try:
            self._peer.settimeout(left_until(deadline))
            taken = self._peer.send(line)
        except OSError as error:
            # TLS may have handed a part on before it failed.
            raise LinkBroken(_reason(error), was_sent=isinstance(self._peer, ssl.SSLSocket)) from error
        try:
            while taken < len(line):
                self._peer.settimeout(left_until(deadline))
                taken += self._peer.send(line[taken:])
        except OSError as error:
            raise LinkBroken(_reason(error), was_sent=True) from error

    def ask(self, do: str, content: dict[str, Any], wait_s: float) -> dict[str, Any]:
        """
        Send one command and return its answer, which has either ``result`` or ``error``.

        The module is told until when the answer is waited for, so that it makes nothing later.

        :raises LinkBroken: if no complete and valid answer came; close the link then
        """
        command = str(uuid.uuid4())
        now = time.monotonic()
        until_ms = self._clock_ms + int((now - self._greeted_at + wait_s) * 1000)
        line = line_of({"id": command, "do": do, "until_ms": until_ms, **content})
        if len(line) > ASKED_BYTES_MAXIMUM:
            raise LinkBroken("the command is longer than a module reads", was_sent=False)
        self._send(line, now + wait_s)
        try:
            answer = object_of(self._lines.next(now + wait_s))
            _require_answer(answer, command)
        except (OSError, LineCut, LineWrong) as error:
            raise LinkBroken(_reason(error), was_sent=True) from error
        self._used = time.monotonic()
        return answer

    def is_usable(self, wait_s: float) -> bool:
        """Tell whether an idle link may carry another command; one that was long idle is tried."""
        now = time.monotonic()
        if now - self._born > _LIFE_S or self._lines.has_more or _is_readable(self._peer):
            return False
        if now - self._used < _PING_AFTER_S:
            return True
        try:
            return "result" in self.ask("ping", {}, wait_s)
        except LinkBroken:
            return False

    def close(self) -> None:
        """Let go of the connection; what another process has of it stays open."""
        self._peer.close()


def _connected(address: tuple[str, int], tls: ssl.SSLContext | None, deadline: float) -> socket.socket:
    peer = socket.create_connection(address, timeout=left_until(deadline))
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tls.wrap_socket(peer, server_hostname=address[0]) if tls else peer
    except BaseException:
        peer.close()
        raise


def _is_readable(peer: socket.socket) -> bool:
    # Nothing was asked, so whatever there is to read is an end or an answer that came too late.
    if isinstance(peer, ssl.SSLSocket) and peer.pending():
        return True
    poll = select.poll()
    poll.register(peer, select.POLLIN)
    return bool(poll.poll(0))


def _require_answer(answer: dict[str, Any], command: str) -> None:
    if answer.get("id") != command:
        raise LineWrong("the answer belongs to another command")
    if ("result" in answer) == ("error" in answer):
        raise LineWrong("the answer is neither a result nor an error")
    error = answer.get("error")
    if "error" in answer and not (_words(error, "code") and _words(error, "message")):
        raise LineWrong("the error has no code or no message")


def _words(raw: Any, name: str) -> str:
    value = raw.get(name) if isinstance(raw, dict) else None
    return value if isinstance(value, str) else ""


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return str(error) or type(error).__name__
