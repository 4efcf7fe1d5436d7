"""
The short code of a receipt, which nobody can guess and which tells nothing by itself.

A code is 24 letters: ten bytes of HMAC-SHA-256 over the document's id, and the id
hidden under a second one, in base 32 (RFC 4648). Codes in a row thus look unrelated,
so that they do not tell how much a utility sells.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import segno

_ID_BYTES = 5
_SEAL_BYTES = 10
CODE_LENGTH = 24


def make_code(document_id: int, secret: str) -> str:
    """
    Return the check code of a sale's document under the utility's secret.

    >>> make_code(7, "secret") == make_code(7, "secret") != make_code(7, "other")
    True
    """
    plain = document_id.to_bytes(_ID_BYTES, "big")
    seal = _seal(plain, secret)
    return base64.b32encode(seal + _covered(plain, seal, secret)).decode()


def read_code(code: str, secret: str) -> int | None:
    """
    Return the document's id that a code was made for, or nothing for any other letters.

    >>> read_code(make_code(7, "secret").lower(), "secret"), read_code("A" * 24, "secret")
    (7, None)
    """
    if len(code) != CODE_LENGTH or not code.isascii():
        return None
    try:
        raw = base64.b32decode(code.upper())
    except binascii.Error:
        return None
    seal = raw[:_SEAL_BYTES]
    plain = _covered(raw[_SEAL_BYTES:], seal, secret)
    if not hmac.compare_digest(seal, _seal(plain, secret)):
        return None
    return int.from_bytes(plain, "big")


def code_image(url: str) -> str:
    """Return a QR code of an address as a ``data:`` address of an SVG picture."""
    image: str = segno.make(url, error="m", micro=False).svg_data_uri(border=2, scale=4)
    return image


def _digest(purpose: bytes, message: bytes, secret: str) -> bytes:
    key = hmac.digest(secret.encode(), b"gridtill receipt " + purpose, hashlib.sha256)
    return hmac.digest(key, message, hashlib.sha256)


def _seal(plain: bytes, secret: str) -> bytes:
    return _digest(b"seal", plain, secret)[:_SEAL_BYTES]


def _covered(part: bytes, seal: bytes, secret: str) -> bytes:
    cover = _digest(b"cover", seal, secret)
    return bytes(one ^ other for one, other in zip(part, cover, strict=False))
