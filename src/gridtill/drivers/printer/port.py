"""
Bringing bytes to a receipt printer on the network or on a device file.

A print has three ends. ``SENT``: the printer's side took every byte. ``UNKNOWN``: it was
reached and then something went wrong, so part of a receipt, or all of it, may be on paper.
``PrinterUnreachable`` is raised when it was not reached, and nothing was printed.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import time
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Protocol
from urllib.parse import unquote, urlsplit

from gridtill.kernel.errors import Refusal

DEFAULT_PORT = 9100
CONNECT_TIMEOUT_S = 3
SEND_TIMEOUT_S = 10
DRAIN_TIMEOUT_S = 1
_CHUNK = 1024


class PrintOutcome(Enum):
    """How a print ended, as far as this side can know."""

    SENT = "SENT"
    UNKNOWN = "UNKNOWN"


class PrinterUnreachable(Refusal):
    """The printer cannot be reached; nothing was printed."""

    code = "printer_unreachable"
    remedy = "Look whether it is switched on and connected, then print again. The PDF works meanwhile."


class PrinterUnset(PrinterUnreachable):
    """No printer is set up, or its address cannot be read."""

    code = "printer_unset"
    remedy = "Ask the administrator to set GRIDTILL_PRINTER_URL. The PDF works meanwhile."


class Printer(Protocol):
    """A printer that was reached; it is let go at the end of a ``with``."""

    def __enter__(self) -> Printer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def send(self, content: bytes) -> PrintOutcome:
        """Hand over one print; ``SENT`` or ``UNKNOWN``, never an exception."""


class _Port:
    """A file descriptor that does not block, written to until a deadline."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> _Port:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def send(self, content: bytes) -> PrintOutcome:
        left = memoryview(content)
        deadline = time.monotonic() + SEND_TIMEOUT_S
        try:
            while left:
                _readable, ready, _broken = select.select(
                    [], [self._descriptor], [], max(0, deadline - time.monotonic())
                )
                if not ready:
                    return PrintOutcome.UNKNOWN
                left = left[os.write(self._descriptor, left[:_CHUNK]) :]
        except OSError:
            return PrintOutcome.UNKNOWN
        return PrintOutcome.SENT


class _NetworkPort(_Port):
    """A connection whose end is awaited, so that bytes lost on the way are noticed."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        super().__init__(connection.fileno())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def send(self, content: bytes) -> PrintOutcome:
        outcome = super().send(content)
        if outcome is not PrintOutcome.SENT:
            return outcome
        try:
            self._connection.shutdown(socket.SHUT_WR)
            self._connection.settimeout(DRAIN_TIMEOUT_S)
            while self._connection.recv(_CHUNK):
                pass
        except TimeoutError:
            # Many printers keep their side open; the bytes were taken all the same.
            return PrintOutcome.SENT
        except OSError:
            return PrintOutcome.UNKNOWN
        return PrintOutcome.SENT


def open_printer(url: str) -> Printer:
    """
    Reach the printer at ``tcp://host:port`` or ``file:///dev/usb/lp0``; the port is 9100 unless given.

    :raises PrinterUnset: if the address is empty or cannot be read
    :raises PrinterUnreachable: if it does not answer within three seconds, or its device is missing
    """
    parts = urlsplit(url)
    if parts.scheme == "tcp" and parts.hostname:
        return _network(parts.hostname, _port(url))
    if parts.scheme == "file" and parts.path and not parts.netloc:
        return _device(Path(unquote(parts.path)))
    raise PrinterUnset("No receipt printer is set up here.")


def _port(url: str) -> int:
    try:
        return urlsplit(url).port or DEFAULT_PORT
    except ValueError as error:
        raise PrinterUnset("The receipt printer’s address cannot be read.") from error


def _network(host: str, port: int) -> Printer:
    try:
        connection = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
    except OSError as error:
        raise PrinterUnreachable("The receipt printer does not answer. Nothing was printed.") from error
    connection.settimeout(0)
    return _NetworkPort(connection)


def _device(path: Path) -> Printer:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise PrinterUnreachable("The receipt printer is not connected. Nothing was printed.") from error
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)):
        # A plain file at that place would swallow receipts and claim that they were printed.
        os.close(descriptor)
        raise PrinterUnset("The receipt printer’s address does not lead to a device.")
    return _Port(descriptor)
