"""
Key files: vending keys on their way from whoever makes them to this keystore, under a passphrase.

A file is JSON: the format's name and version, how the passphrase becomes a key (scrypt), a
nonce, and the ciphertext (AES-256-GCM, the head as associated data). Inside is a JSON list of
keys with their attributes and check values. docs/recipes/vending-keys.md describes each field.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from gridtill.kernel.canonical import canonical_json
from gridtill.kernel.errors import InvalidValue
from gridtill.sts.keys import check_value

FORMAT, VERSION = "gridtill-vending-keys", 1
FILE_MAXIMUM = 1 << 20
KEYS_MAXIMUM = 1_000
PASSPHRASE_MINIMUM = 12
_COST, _COST_MAXIMUM, _BLOCK, _LANES = 1 << 15, 1 << 18, 8, 1
_ATTRIBUTES = ("supply_group_code", "key_revision", "key_type", "base_date", "key_expiry")


class KeyFileWrong(InvalidValue):
    """A key file cannot be read; the message says which part is wrong, and nothing was taken from it."""

    code = "key_file_wrong"


@dataclass(frozen=True, slots=True)
class FileKey:
    """A vending key in a key file, with what travels with it; its bytes never print."""

    supply_group_code: str
    key_revision: int
    key_type: int
    base_date: int
    key_expiry: int
    key: bytes = field(repr=False)


def key_of_line(line: str) -> FileKey:
    """
    Read one key as whoever makes keys writes it: a JSON object with the key in hexadecimal.

    :raises ValueError: if it is not JSON, or a number or the key is none
    :raises KeyError: if the group, the revision or the key is missing
    :raises TypeError: if it is not an object
    """
    row = json.loads(line)
    return FileKey(
        supply_group_code=str(row["supply_group_code"]),
        key_revision=int(row["key_revision"]),
        key_type=int(row.get("key_type", 2)),
        base_date=int(row.get("base_date", 2014)),
        key_expiry=int(row.get("key_expiry", 255)),
        key=bytes.fromhex(row["key"]),
    )


def seal_key_file(keys: Sequence[FileKey], passphrase: str) -> bytes:
    """
    Write keys into a file that the passphrase opens.

    :raises KeyFileWrong: without keys, or with a passphrase that is too short
    """
    if not keys:
        raise KeyFileWrong("There is no key to put into the file.")
    if len(passphrase) < PASSPHRASE_MINIMUM:
        raise KeyFileWrong(f"A passphrase has at least {PASSPHRASE_MINIMUM} characters.", field="passphrase")
    rows = [
        {name: getattr(key, name) for name in _ATTRIBUTES} | {"key": key.key.hex(), "check_value": check_value(key.key)}
        for key in keys
    ]
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    head = _head(salt, _COST)
    sealed = AESGCM(_stretched(passphrase, salt, _COST)).encrypt(
        nonce, canonical_json({"keys": rows}).encode(), canonical_json(head).encode()
    )
    return canonical_json({**head, "nonce": _text(nonce), "ciphertext": _text(sealed)}).encode()


def open_key_file(content: bytes, passphrase: str) -> tuple[FileKey, ...]:
    """
    Return the keys of a file.

    :raises KeyFileWrong: naming the part that is wrong, truncated or hostile; a wrong passphrase looks like damage
    """
    if len(content) > FILE_MAXIMUM:
        raise KeyFileWrong("This file is larger than any key file.", field="file")
    try:
        outer = json.loads(content)
        if not isinstance(outer, dict) or (outer["format"], outer["version"]) != (FORMAT, VERSION):
            raise KeyFileWrong("This is no key file of a version that is known here.", field="file")
        kdf = outer["kdf"]
        salt, nonce, sealed = _octets(kdf["salt"]), _octets(outer["nonce"]), _octets(outer["ciphertext"])
        cost = kdf["n"]
        if type(cost) is not int or cost & (cost - 1) or not _COST <= cost <= _COST_MAXIMUM or len(nonce) != 12:
            raise KeyFileWrong("The head of this key file cannot be.", field="file")
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise KeyFileWrong("This is no key file, or it was cut off.", field="file") from None
    try:
        plain = AESGCM(_stretched(passphrase, salt, cost)).decrypt(
            nonce, sealed, canonical_json(_head(salt, cost)).encode()
        )
    except InvalidTag:
        raise KeyFileWrong(
            "The passphrase is wrong, or the file was changed on its way. Nothing was taken from it.",
            field="passphrase",
        ) from None
    return _keys(plain)


def _keys(plain: bytes) -> tuple[FileKey, ...]:
    try:
        rows = json.loads(plain)["keys"]
        if not isinstance(rows, list) or not 1 <= len(rows) <= KEYS_MAXIMUM:
            raise KeyFileWrong(f"A key file holds 1 to {KEYS_MAXIMUM} keys.", field="file")
        return tuple(_key(row, number) for number, row in enumerate(rows, start=1))
    except (ValueError, KeyError, TypeError):
        raise KeyFileWrong("The content of this key file is not a list of keys.", field="file") from None


def _key(row: dict[str, Any], number: int) -> FileKey:
    found = FileKey(key=bytes.fromhex(row["key"]), **{name: row[name] for name in _ATTRIBUTES})
    numbers = (found.key_revision, found.key_type, found.base_date, found.key_expiry)
    if not isinstance(found.supply_group_code, str) or any(type(value) is not int for value in numbers):
        raise KeyFileWrong(f"Key {number} of the file has an attribute that cannot be.", field="file")
    if check_value(found.key) != row["check_value"]:
        raise KeyFileWrong(f"Key {number} of the file does not have the check value beside it.", field="file")
    return found


def _head(salt: bytes, cost: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "kdf": {"name": "scrypt", "n": cost, "r": _BLOCK, "p": _LANES, "salt": _text(salt)},
    }


def _stretched(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=cost, r=_BLOCK, p=_LANES).derive(passphrase.encode())


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
