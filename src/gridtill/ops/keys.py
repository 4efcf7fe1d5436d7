"""
``gridtill keys``: split a vending key into two components, write key files, and set a PKCS#11 token up.

``split`` and ``seal`` are for whoever makes keys, on a machine of their own: they read neither settings nor a
database. The others run on the server, with its settings.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gridtill.drivers.security.keyfile import KeyFileWrong, key_of_line, seal_key_file
from gridtill.drivers.security.pkcs11.access import TokenAccess
from gridtill.drivers.security.pkcs11.driver import open_token
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.sts.keys import DES_KEY_BYTES, HMAC_KEY_BYTES, check_value

_PASSPHRASE = "GRIDTILL_PASSPHRASE"  # noqa: S105 - the name of a variable


def main(argv: Sequence[str] | None = None) -> int:
    """Run one action; 0 for done, 1 for refused."""
    parser = argparse.ArgumentParser(prog="gridtill keys", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("split", help="read a key from standard input, or make one, and print two components")
    sealing = actions.add_parser("seal", help="read keys as JSON lines from standard input and write a key file")
    sealing.add_argument("--out", required=True, type=Path, help="the file to write; it must not exist")
    actions.add_parser("pkcs11-init", help="make the wrapping key in the PKCS#11 token, if it is missing")
    actions.add_parser("pkcs11-move", help="move the vending keys of the database into the PKCS#11 token")
    options = parser.parse_args(argv)
    if options.action.startswith("pkcs11"):
        return _with_token(_make_wrapping_key if options.action == "pkcs11-init" else _move_keys)
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
    keys = [key_of_line(line) for line in sys.stdin if line.strip()]
    content = seal_key_file(keys, passphrase)
    with out.open("xb") as file:
        out.chmod(0o600)
        file.write(content)
    for key in keys:
        print(f"{key.supply_group_code}/{key.key_revision} check value {check_value(key.key)}")
    return 0


def _with_token(act: Callable[[], None]) -> int:
    try:
        act()
    except Refusal as refusal:
        print(f"{refusal.message} {refusal.remedy}".strip(), file=sys.stderr)
        return 1
    return 0


def _make_wrapping_key() -> None:
    # Splitting and sealing run where Django is not installed.
    from django.conf import settings  # noqa: PLC0415

    name = settings.PKCS11_WRAPPING_KEY
    if not name:
        raise Refusal("No wrapping key is named.", remedy="Set GRIDTILL_PKCS11_WRAPPING_KEY to its label.")
    access = TokenAccess(settings.PKCS11_LIBRARY, settings.PKCS11_TOKEN, settings.PKCS11_TOKEN_SECRET)
    made = open_token(access).make_wrapping_key(name)
    print(f"{access.token}: {name} {'was made' if made else 'is there already'}")


def _move_keys() -> None:
    import django  # noqa: PLC0415

    django.setup()
    # Models can only be imported once Django is set up.
    from gridtill.apps.keystore.operations import move_keys_into_token  # noqa: PLC0415

    print(f"vending keys moved into the token: {move_keys_into_token(actor=SYSTEM, at=now())}")
