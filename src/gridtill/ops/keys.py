"""
``gridtill keys``: split a vending key into two components, and write key files.

For whoever makes keys, on a machine of their own; nothing here touches a database.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from gridtill.drivers.security.keyfile import FileKey, KeyFileWrong, seal_key_file
from gridtill.sts.keys import DES_KEY_BYTES, HMAC_KEY_BYTES, check_value

_PASSPHRASE = "GRIDTILL_PASSPHRASE"  # noqa: S105 - the name of a variable


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``split`` or ``seal``; 0 for done, 1 for refused."""
    parser = argparse.ArgumentParser(prog="gridtill keys", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("split", help="read a key from standard input, or make one, and print two components")
    sealing = actions.add_parser("seal", help="read keys as JSON lines from standard input and write a key file")
    sealing.add_argument("--out", required=True, type=Path, help="the file to write; it must not exist")
    options = parser.parse_args(argv)
    try:
        return _split() if options.action == "split" else _seal(options.out)
    except (KeyFileWrong, ValueError, KeyError, TypeError, OSError) as error:
        message = error.message if isinstance(error, KeyFileWrong) else f"{type(error).__name__}: {error}"
        print(f"Nothing was written. {message}", file=sys.stderr)
        return 1


def _split() -> int:
    """Print two papers: each component with its check value, and that of the whole key."""
    text = "" if sys.stdin.isatty() else "".join(sys.stdin.read().split())
    key = bytes.fromhex(text) if text else secrets.token_bytes(HMAC_KEY_BYTES)
    if len(key) not in (HMAC_KEY_BYTES, DES_KEY_BYTES):
        raise ValueError(f"a vending key has {HMAC_KEY_BYTES} or {DES_KEY_BYTES} bytes, not {len(key)}")
    first = secrets.token_bytes(len(key))
    second = bytes(a ^ b for a, b in zip(key, first, strict=True))
    for number, component in ((1, first), (2, second)):
        print(f"component {number}: {component.hex().upper()}  check value {check_value(component)}")
    print(f"check value of the whole key: {check_value(key)}")
    return 0


def _seal(out: Path) -> int:
    passphrase = os.environ.get(_PASSPHRASE) or getpass.getpass("Passphrase of the key file: ")
    keys = [_read(line) for line in sys.stdin if line.strip()]
    content = seal_key_file(keys, passphrase)
    with out.open("xb") as file:
        out.chmod(0o600)
        file.write(content)
    for key in keys:
        print(f"{key.supply_group_code}/{key.key_revision} check value {check_value(key.key)}")
    return 0


def _read(line: str) -> FileKey:
    row = json.loads(line)
    return FileKey(
        supply_group_code=str(row["supply_group_code"]),
        key_revision=int(row["key_revision"]),
        key_type=int(row.get("key_type", 2)),
        base_date=int(row.get("base_date", 2014)),
        key_expiry=int(row.get("key_expiry", 255)),
        key=bytes.fromhex(row["key"]),
    )
