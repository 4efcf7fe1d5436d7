"""
What goes over a link to a module: one JSON object a line, and how it is read without trusting it.

README.md beside this file describes the lines. Both ends use this module.
"""

from __future__ import annotations

import hmac
import json
import re
import socket
import time
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from gridtill.drivers.security.base import (
    CreditRequest,
    IssuedSet,
    IssuedToken,
    KeyChangeRequest,
    KeyDescription,
    ManagementRequest,
)

PROTOCOL = "gridtill-module"
VERSION = 1
ASKED_BYTES_MAXIMUM = 8 * 1024
ANSWER_BYTES_MAXIMUM = 256 * 1024
SECRET_MINIMUM = 16
# The one error that does not say that nothing was made.
OUTCOME_UNKNOWN = "outcome_unknown"
_CHUNK = 64 * 1024
_WORDS_MAXIMUM = 300
_NONCE = re.compile(r"[0-9a-f]{32,64}")
_Built = TypeVar("_Built")

ISSUES: Mapping[str, type[CreditRequest | ManagementRequest | KeyChangeRequest]] = {
    "issue_credit": CreditRequest,
    "issue_management": ManagementRequest,
    "issue_key_change": KeyChangeRequest,
}
ANSWERS: Mapping[str, type[IssuedToken | IssuedSet]] = {
    "issue_credit": IssuedToken,
    "issue_management": IssuedSet,
    "issue_key_change": IssuedSet,
    "fetch_result": IssuedToken,
    "fetch_set": IssuedSet,
}


class LineWrong(Exception):
    """What came over the link is not what may come there; the text says in which way, without quoting it."""


class LineCut(Exception):
    """The other end closed the link."""


@dataclass(frozen=True, slots=True)
class ModuleState:
    """What a module tells of itself; ``made`` counts the tokens that it ever made, repeats not among them."""

    module: str
    ready: bool
    made: int
    keys: tuple[KeyDescription, ...] = ()
    remaining: int | None = None
    reason: str = ""


def proof(secret: str, side: str, module_nonce: str, server_nonce: str) -> str:
    """
    Return what shows that a side knows the secret, for these two nonces only.

    :raises LineWrong: if a nonce is none
    """
    if not (_NONCE.fullmatch(module_nonce) and _NONCE.fullmatch(server_nonce)):
        raise LineWrong("a nonce is not 16 to 32 bytes in hexadecimal")
    words = f"{PROTOCOL}/{VERSION} {side} {module_nonce} {server_nonce}"
    return hmac.digest(secret.encode(), words.encode(), "sha256").hex()


def line_of(content: Mapping[str, Any]) -> bytes:
    """Write one line."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def object_of(line: bytes) -> dict[str, Any]:
    """
    Read one line.

    :raises LineWrong: if it is not a JSON object
    """
    try:
        content = json.loads(line.decode(), parse_constant=_no_number, parse_float=_no_number)
    except (ValueError, RecursionError):
        raise LineWrong("a line is not JSON") from None
    if not isinstance(content, dict):
        raise LineWrong("a line is not a JSON object")
    return content


def _no_number(text: str) -> None:
    raise ValueError(text)


class Lines:
    """The lines that come in over a socket, each bounded in length and in time."""

    def __init__(self, peer: socket.socket, maximum: int) -> None:
        self._peer, self._maximum = peer, maximum
        self._rest = b""

    def next(self, deadline: float) -> bytes:
        """
        Return the next line; ``deadline`` is a moment of ``time.monotonic``.

        :raises LineCut: if the other end closed the link
        :raises LineWrong: if the line is longer than allowed
        :raises OSError: if the link broke, or ``TimeoutError`` if the line is not complete in time
        """
        while b"\n" not in self._rest:
            if len(self._rest) > self._maximum:
                raise LineWrong(f"a line is longer than {self._maximum} bytes")
            self._peer.settimeout(left_until(deadline))
            more = self._peer.recv(_CHUNK)
            if not more:
                raise LineCut("the link was closed")
            self._rest += more
        line, _newline, self._rest = self._rest.partition(b"\n")
        if len(line) > self._maximum:
            raise LineWrong(f"a line is longer than {self._maximum} bytes")
        return line

    @property
    def has_more(self) -> bool:
        """Whether something came that nobody has read."""
        return bool(self._rest)


def left_until(deadline: float) -> float:
    """
    Return the seconds until a moment of ``time.monotonic``.

    :raises TimeoutError: if it has passed
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


def printable(text: str) -> str:
    """Return what may be shown and logged of words that came over a link."""
    return "".join(letter for letter in text[:_WORDS_MAXIMUM] if letter.isprintable())


def plain(value: Any) -> Any:
    """Return a request or an answer as what JSON can hold."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, UUID) else value


def built(kind: type[_Built], raw: Any) -> _Built:
    """
    Return the request or answer that ``plain`` described.

    :raises LineWrong: if a field is missing, unknown or of another kind
    """
    if not isinstance(raw, dict):
        raise LineWrong(f"{kind.__name__} is not an object")
    # mypy does not take a class as something to remember by.
    hints, needed = _shape(cast("Any", kind))
    if not needed <= raw.keys() <= hints.keys():
        raise LineWrong(f"{kind.__name__} has not the fields that it should have")
    return kind(**{name: _value(hints[name], value, name) for name, value in raw.items()})


@lru_cache(maxsize=32)
def _shape(kind: type[Any]) -> tuple[dict[str, Any], frozenset[str]]:
    needed = frozenset(field.name for field in fields(kind) if field.default is MISSING)
    return get_type_hints(kind), needed


def _value(kind: Any, raw: Any, name: str) -> Any:
    if isinstance(kind, types.UnionType):
        inner, _none = get_args(kind)
        return None if raw is None else _value(inner, raw, name)
    if get_origin(kind) is tuple:
        if not isinstance(raw, list):
            raise LineWrong(f"{name} is not a list")
        return tuple(_value(get_args(kind)[0], item, name) for item in raw)
    if is_dataclass(kind):
        return built(cast("type[Any]", kind), raw)
    if kind is UUID and isinstance(raw, str):
        try:
            return UUID(raw)
        except ValueError:
            raise LineWrong(f"{name} is not a UUID") from None
    if type(raw) is not kind:
        raise LineWrong(f"{name} is of another kind")
    return raw
