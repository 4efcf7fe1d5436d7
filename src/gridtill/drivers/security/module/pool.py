"""The links of this process to one module: so many at most, each for one command at a time."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gridtill.drivers.security.module.access import (
    ModuleAccess,
    ModuleBusy,
    ModuleUnreachable,
    ModuleWaits,
    endpoint_name,
)
from gridtill.drivers.security.module.link import Link

# A module that could not be reached is asked after the others for so long.
_DOWN_S = 5.0
# The last of several modules is tried too when the first ones took all the time.
_LEAST_S = 0.5


class _Held:
    """What one process holds; another one that came of it by a fork holds links of its own."""

    def __init__(self, links: int) -> None:
        self.process = os.getpid()
        self.free = threading.Semaphore(links)
        self.idle: deque[Link] = deque()

    def taken(self) -> Link | None:
        # Another thread may have taken the last one since it was seen.
        try:
            return self.idle.pop()
        except IndexError:
            return None

    def close_idle(self) -> None:
        while (link := self.taken()) is not None:
            link.close()


class LinkPool:
    """Links to one endpoint, opened when they are needed; any thread and any process may ask."""

    def __init__(self, address: tuple[str, int], access: ModuleAccess, waits: ModuleWaits) -> None:
        self.name = endpoint_name(address)
        self._address, self._access, self._waits = address, access, waits
        self._held = _Held(access.links)
        self._tls: ssl.SSLContext | None = None
        self._down_until = 0.0

    def __repr__(self) -> str:
        return f"<LinkPool {self.name}>"

    @property
    def is_down(self) -> bool:
        """Whether the endpoint could not be reached a moment ago."""
        return time.monotonic() < self._down_until

    @contextmanager
    def link(self, deadline: float, *, fresh: bool = False) -> Iterator[Link]:
        """
        Lend a link for one command; it is closed if anything is raised meanwhile. ``fresh`` opens a new one.

        :raises ModuleUnreachable: if there is none to be had until the deadline, and so nothing was sent
        """
        held = self._own()
        if not held.free.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise ModuleBusy(
                "All links to the security module {name} are busy.",
                name=self.name,
            )
        try:
            link = self._usable(held, deadline, fresh=fresh)
            try:
                yield link
            except BaseException:
                link.close()
                raise
            held.idle.append(link)
        finally:
            held.free.release()

    def close(self) -> None:
        """Close the links that nobody uses at the moment."""
        self._own().close_idle()

    def _own(self) -> _Held:
        held = self._held
        if held.process != os.getpid():
            # The parent goes on with its links; here only the copies are closed.
            held.close_idle()
            self._held = held = _Held(self._access.links)
        return held

    def _usable(self, held: _Held, deadline: float, *, fresh: bool) -> Link:
        if fresh:
            held.close_idle()
        while (link := held.taken()) is not None:
            left = max(_LEAST_S, deadline - time.monotonic())
            if link.is_usable(min(left, self._waits.connect_s)):
                return link
            link.close()
        now = time.monotonic()
        until = max(now + _LEAST_S, min(deadline, now + self._waits.connect_s))
        try:
            return Link(self._address, self._access.secret, self._context(), until)
        except ModuleUnreachable:
            self._down_until = time.monotonic() + _DOWN_S
            raise

    def _context(self) -> ssl.SSLContext | None:
        if self._access.ca and self._tls is None:
            try:
                self._tls = ssl.create_default_context(cafile=self._access.ca)
            except OSError as error:
                raise ModuleUnreachable(
                    "The certificates for the security module cannot be read: {problem}.",
                    problem=str(error),
                    remedy="Point GRIDTILL_TOKEN_MODULE_CA to a readable file.",
                ) from error
        return self._tls
