"""
The check sum of a token: sixteen bits over class, subclass and content, before encryption.

Source: IEC 62055-41, "CRC" and "CRC_C".
"""

from __future__ import annotations

_POLYNOMIAL = 0xA001
_INITIAL = 0xFFFF


def _table() -> tuple[int, ...]:
    entries = []
    for index in range(256):
        entry = index
        for _ in range(8):
            entry = entry >> 1 ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


_TABLE = _table()


def checksum(token_class: int, data: int, *, currency: bool = False) -> int:
    """
    Compute the check sum of a class and its 48 data bits; currency credit has a variant of its own.

    >>> f"{checksum(0, 0x0B19EB230100):04X}"
    'C207'
    """
    octets = (token_class << 48 | data).to_bytes(7, "big")
    register = _INITIAL
    for octet in octets + b"\x01" if currency else octets:
        register = register >> 8 ^ _TABLE[(register ^ octet) & 0xFF]
    # The token stores the low byte first.
    return (register & 0xFF) << 8 | register >> 8
