"""
Keys of the card application: AES-128, every one derived from a master for one purpose.

A meter holds nothing that opens another customer's card, and a card nothing that opens
another card. Derivation is CMAC under the master over a label, a zero byte and the data.

Source: NIST SP 800-38B (CMAC); SP 800-108 for the use of a label.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

KEY_BYTES = 16
MAC_BYTES = 8
SERVER_MAC_BYTES = 6


def cmac(key: bytes, message: bytes) -> bytes:
    """
    Return the sixteen bytes of AES-CMAC.

    >>> cmac(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), b"").hex()
    'bb1d6929e95937287fa37d129b756746'

    :raises ValueError: if the key has not sixteen bytes
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a card key has {KEY_BYTES} bytes, not {len(key)}")
    made = CMAC(AES(key))
    made.update(message)
    return made.finalize()


def derive(master: bytes, label: str, data: bytes = b"") -> bytes:
    """Return the key of a master for one purpose and one card, meter or group."""
    return cmac(master, label.encode("ascii") + b"\x00" + data)


def is_same(one: bytes, other: bytes) -> bool:
    """Compare two codes in constant time."""
    return hmac.compare_digest(one, other)


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """
    What one meter knows, all from its own key; the bytes stay out of the representation.

    ``order`` checks what the desk wrote, ``order_server`` that the server agreed to it,
    ``returned`` seals what the meter writes back.
    """

    meter: bytes = field(repr=False)
    order: bytes = field(repr=False)
    order_server: bytes = field(repr=False)
    returned: bytes = field(repr=False)

    @classmethod
    def of(cls, meter_key: bytes, server_key: bytes) -> MeterKeys:
        """Return the keys of a meter from its own two, which its factory put into it."""
        return cls(meter_key, derive(meter_key, "ORDER"), derive(server_key, "ORDER"), derive(meter_key, "RETURN"))

    def card(self, csn: bytes) -> bytes:
        """Return the key of the meter's secure channel to one card."""
        return derive(self.meter, "CARD", csn)


def meter_key(master: bytes, meter_number: bytes) -> bytes:
    """Return a meter's own key, from the master for meters and its number of six packed bytes."""
    return derive(master, "METER", meter_number)


def server_meter_key(master: bytes, meter_number: bytes) -> bytes:
    """Return the key by which a meter checks that the server agreed; its master never lies in an authority card."""
    return derive(master, "SERVER-METER", meter_number)


def vend_key(master: bytes, csn: bytes) -> bytes:
    """Return the key of the desk's secure channel to one consumer card."""
    return derive(master, "VEND", csn)


def issue_key(master: bytes, csn: bytes) -> bytes:
    """Return the key with which a card is made, blanked and ended."""
    return derive(master, "ISSUE", csn)


def authority_key(master: bytes, sam: bytes) -> bytes:
    """Return the key that the server shares with one authority card."""
    return derive(master, "AUTHORITY", sam)
