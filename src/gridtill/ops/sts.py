"""
``gridtill sts``: encode and decode tokens with a key at hand, and compute the steps between.

Meant for engineers and for comparing with other implementations; the sales hall never needs it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from gridtill.kernel.energy import format_kwh
from gridtill.ops.sts_compute import compute
from gridtill.sts.assembly import group_token
from gridtill.sts.decoded import DecodedToken
from gridtill.sts.errors import StsError, WrongDigit
from gridtill.sts.keys import DecoderKey, KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan
from gridtill.sts.sta import SAMPLE_TABLES, StaTables, parse_tables
from gridtill.sts.tid import moment_of
from gridtill.sts.tokens import (
    TokenClass,
    decode,
    encode_credit,
    encode_currency_credit,
    encode_management,
    encode_test,
)

_CLASS_NAMES = {0: "credit", 1: "meter test", 2: "management"}


class _UsageError(Exception):
    """The command line cannot be understood."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{self.format_usage()}{self.prog}: {message}")


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one of ``decode``, ``encode`` and ``compute``; 0 for done, 1 for refused, 2 for misused.

    A refusal goes to standard error in words, or to standard output with ``--json``.
    """
    try:
        options = _parser().parse_args(argv)
    except _UsageError as error:
        print(error, file=sys.stderr)
        return 2
    if options.action == "compute":
        return _compute_lines()
    try:
        answer = _decode(options) if options.action == "decode" else _encode(options)
    except StsError as error:
        _write_refusal(error, as_json=options.json)
        return 1
    _write_answer(answer, as_json=options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gridtill sts", description="Encode and decode STS tokens (IEC 62055-41).")
    actions = parser.add_subparsers(dest="action", required=True)
    reading = actions.add_parser("decode", help="read a token of twenty digits")
    reading.add_argument("token", help="twenty digits; blanks and hyphens are ignored")
    writing = actions.add_parser("encode", help="make a token")
    writing.add_argument("--class", dest="token_class", type=int, default=0, help="0 credit, 1 test, 2 management")
    writing.add_argument("--subclass", type=int, default=0)
    writing.add_argument(
        "--value", type=int, required=True, help="0.1 kWh, 1/100000 of the currency, watts, register or control bits"
    )
    writing.add_argument("--tid", type=int, default=0, help="token identifier: minutes from the base date")
    writing.add_argument("--random", type=int, default=5, help="random part, 0 to 15")
    writing.add_argument("--manufacturer", type=int, default=0, help="manufacturer code of a test token")
    for action in (reading, writing):
        _add_key_options(action)
        action.add_argument("--json", action="store_true", help="answer with one JSON object")
    actions.add_parser("compute", help="answer JSON lines of id, kind and inputs from standard input")
    return parser


def _add_key_options(parser: argparse.ArgumentParser) -> None:
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--key", metavar="HEX", help="decoder key of the meter")
    keys.add_argument("--vending-key", metavar="HEX", help="vending key, with --drn, --sgc and what else differs")
    parser.add_argument("--drn", help="meter number of 11 or 13 digits")
    parser.add_argument("--sgc", help="supply group code, 6 digits")
    parser.add_argument("--ti", default="01", help="tariff index, 2 digits (01)")
    parser.add_argument("--krn", type=int, default=1, help="key revision (1)")
    parser.add_argument("--kt", type=int, default=2, help="key type (2)")
    parser.add_argument("--base", type=int, default=2014, help="base date (2014)")
    parser.add_argument("--ea", default="11", help="encryption algorithm (11)")
    parser.add_argument("--dkga", default="04", help="key generation algorithm (04)")
    parser.add_argument("--sta-tables", type=Path, help="file with the utility's own tables of algorithm 07")


def _key(options: argparse.Namespace) -> DecoderKey | None:
    tables = _tables(options.sta_tables)
    if options.key is not None:
        return DecoderKey(options.ea, _octets(options.key), tables)
    if options.vending_key is None:
        return None
    if options.drn is None or options.sgc is None:
        raise StsError("A vending key needs --drn and --sgc beside it.", remedy="Give the meter and its supply group.")
    context = KeyContext(
        MeterPan.from_drn(options.drn), options.sgc, options.ti, options.krn, options.kt, options.base, options.ea
    )
    return derive_decoder_key(_octets(options.vending_key), context, options.dkga, tables)


def _tables(path: Path | None) -> StaTables:
    if path is None:
        return SAMPLE_TABLES
    try:
        return parse_tables(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StsError(f"The file of tables cannot be read: {error}.") from error


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise WrongDigit("A key is given as hexadecimal digits, two for each byte.", field="key") from None


def _decode(options: argparse.Namespace) -> dict[str, Any]:
    return _describe(decode(options.token, _key(options)), options.base)


def _encode(options: argparse.Namespace) -> dict[str, Any]:
    key = None if options.token_class == TokenClass.TEST else _key(options)
    digits = _digits(options, key)
    return {"token": digits, **_describe(decode(digits, key), options.base)}


def _digits(options: argparse.Namespace, key: DecoderKey | None) -> str:
    if options.token_class == TokenClass.TEST:
        return encode_test(options.subclass, options.value, options.manufacturer)
    if key is None:
        raise StsError("This token is encrypted, so a key is needed.", remedy="Give --key or --vending-key.")
    if options.token_class == TokenClass.MANAGEMENT:
        return encode_management(key, options.subclass, options.value, options.tid, options.random)
    if options.token_class != TokenClass.CREDIT:
        raise StsError(f"There is no token class {options.token_class}.", remedy="Give --class 0, 1 or 2.")
    if options.subclass in range(4):
        return encode_credit(key, options.value, options.tid, options.random, options.subclass)
    return encode_currency_credit(key, options.value, options.tid, options.subclass)


def _describe(token: DecodedToken, base_date: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "class": token.token_class,
        "class_name": _CLASS_NAMES[token.token_class],
        "subclass": token.subclass,
        "value": token.value,
        "units": token.units,
        "energy_kwh": None if token.energy_wh is None else format_kwh(token.energy_wh),
        "tid": token.token_identifier,
        "tid_at": None,
        "random": token.random_nibble,
        "data": f"{token.data:012x}",
        "crc_ok": True,
    }
    if token.token_identifier is not None:
        answer["tid_at"] = moment_of(token.token_identifier, base_date).isoformat()
    return answer


def _write_answer(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer))
        return
    lines = [
        ("token", group_token(answer["token"]) if "token" in answer else None),
        ("class", f"{answer['class']} {answer['class_name']}, subclass {answer['subclass']}"),
        ("energy", f"{answer['energy_kwh']} kWh ({answer['units']} units)" if answer["units"] is not None else None),
        ("value", answer["value"] if answer["units"] is None else None),
        ("token identifier", f"{answer['tid']} ({answer['tid_at']})" if answer["tid"] is not None else None),
        ("random part", answer["random"]),
        ("check sum", "right"),
    ]
    for name, text in lines:
        if text is not None:
            print(f"{name}: {text}")


def _write_refusal(error: StsError, *, as_json: bool) -> None:
    if as_json:
        answer = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
        print(json.dumps(answer))
        return
    print(f"{error.message} {error.remedy}".strip(), file=sys.stderr)


def _compute_lines() -> int:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(compute(line)), flush=True)
    return 0
