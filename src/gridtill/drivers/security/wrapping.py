"""
Keys that wrap other keys for the database: what they do, and one that lies in this process.

What is wrapped is a nonce of twelve bytes, the ciphertext and the tag of AES-256-GCM, wherever the key lies.
"""

from __future__ import annotations

import secrets
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
TAG_BYTES = 16


class WrapBroken(Exception):
    """What was wrapped does not open: it was damaged, moved, or wrapped under another key."""


class WrappingKey(Protocol):
    """A key that wraps others; ``bound_to`` says what they belong to, and nothing opens elsewhere."""

    def wrap(self, octets: bytes | bytearray, bound_to: bytes) -> bytes:
        """Encrypt octets, differently each time."""
        ...

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """
        Decrypt what was wrapped.

        :raises WrapBroken: if it does not open
        """
        ...


class SoftwareWrapping:
    """
    A wrapping key of 32 bytes in this process.

    >>> key = SoftwareWrapping(bytes(32))
    >>> key.unwrap(key.wrap(b"secret", b"here"), b"here")
    b'secret'

    :raises ValueError: if it has another length
    """

    def __init__(self, material: bytes) -> None:
        if len(material) != 32:
            raise ValueError("a wrapping key has 32 bytes")
        self._cipher = AESGCM(material)

    def wrap(self, octets: bytes | bytearray, bound_to: bytes) -> bytes:
        """Encrypt octets, differently each time."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, bytes(octets), bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """
        Decrypt what was wrapped.

        :raises WrapBroken: if it does not open
        """
        if len(wrapped) < NONCE_BYTES + TAG_BYTES:
            raise WrapBroken
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
        except InvalidTag:
            raise WrapBroken from None
