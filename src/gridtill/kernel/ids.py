"""Identities that a client can make by itself."""

from __future__ import annotations

import os
import time
import uuid


def new_id() -> uuid.UUID:
    """
    Make a version 7 UUID: it sorts by the millisecond in which it was made.

    Rows keyed by it land at the end of their index, which random UUIDs do not.

    Source: RFC 9562, section 5.7.
    """
    stamp = (time.time_ns() // 1_000_000) & ((1 << 48) - 1)
    random = int.from_bytes(os.urandom(10), "big")
    value = stamp << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
    return uuid.UUID(int=value)
