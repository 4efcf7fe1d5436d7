"""
``gridtill sim keypad``: a meter at the keyboard.

    gridtill sim keypad FILE new --drn N --sgc N --vending-key HEX
    gridtill sim keypad FILE 1234 5678 9012 3456 7890
    gridtill sim keypad FILE run 3h

Without anything after FILE it reads the same words, one line each, from standard input.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gridtill.kernel.energy import format_kwh
from gridtill.kernel.errors import Refusal
from gridtill.sim.keypad.meter import Entry, KeypadMeter, display, enter, new_meter, run, switched, tampered, with_load
from gridtill.sim.keypad.store import change, create
from gridtill.sts.keys import DecoderKey, KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan

_SPAN = re.compile(r"(\d{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
WORDS = "twenty digits, run 3h, load 2000, tamper, off, on, show"


class NotUnderstood(Exception):
    """A line that is neither twenty digits nor one of the words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one line, or those of standard input; 0 for done, 1 for refused or rejected, 2 for misused."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    arguments = [argument for argument in arguments if argument != "--json"]
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__, f"\nA line is one of: {WORDS}.", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    path, words = Path(arguments[0]), arguments[1:]
    if words[:1] == ["new"]:
        return _make(path, words[1:])
    if words:
        return _line(path, " ".join(words), as_json=as_json)
    worst = 0
    for line in sys.stdin:
        if line.strip():
            worst = max(worst, _line(path, line.strip(), as_json=as_json))
    return worst


def _make(path: Path, words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="gridtill sim keypad FILE new")
    parser.add_argument("--drn", required=True, help="meter number of 11 or 13 digits")
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--key", help="decoder key, hexadecimal")
    keys.add_argument("--vending-key", help="vending key, hexadecimal, to derive the decoder key from")
    parser.add_argument("--sgc", default="000000", help="supply group code")
    parser.add_argument("--ti", default="01")
    parser.add_argument("--krn", type=int, default=1)
    parser.add_argument("--kt", type=int, default=2)
    parser.add_argument("--ken", type=int, default=255)
    parser.add_argument("--base", type=int, default=2014)
    parser.add_argument("--ea", default="11")
    parser.add_argument("--dkga", default="04")
    parser.add_argument("--lock-after", type=int, default=3, help="wrong entries that lock the keypad; 0 never")
    options = parser.parse_args(words)
    try:
        context = KeyContext(
            MeterPan.from_drn(options.drn), options.sgc, options.ti, options.krn, options.kt, options.base, options.ea
        )
        key = (
            DecoderKey(options.ea, bytes.fromhex(options.key))
            if options.key
            else derive_decoder_key(bytes.fromhex(options.vending_key), context, options.dkga)
        )
        create(
            path,
            new_meter(context, key, key_expiry=options.ken, lock_after=options.lock_after, clock_s=int(time.time())),
        )
    except Refusal as refusal:
        return _refuse(refusal)
    except ValueError:
        print("A key is given as hexadecimal digits, two for each byte.", file=sys.stderr)
        return 1
    print(f"Meter {options.drn} lies in {path.name}.")
    return 0


def _line(path: Path, line: str, *, as_json: bool) -> int:
    try:
        meter, entry = change(path, lambda held: _tell(step_of(line)(_till_now(held))))
    except Refusal as refusal:
        return _refuse(refusal)
    except (NotUnderstood, ValueError) as wrong:
        print(f"{line}: {wrong}.", file=sys.stderr)
        return 2
    shown = entry.display if entry else display(meter)
    print(json.dumps(described(meter, entry)) if as_json else "  ".join(text for text in shown if text))
    return 1 if entry is not None and not entry.verdict.is_taken else 0


_Step = Callable[[KeypadMeter], tuple[KeypadMeter, Entry | None]]


def _tell(stepped: tuple[KeypadMeter, Entry | None]) -> tuple[KeypadMeter, tuple[KeypadMeter, Entry | None]]:
    return stepped[0], stepped


def _till_now(meter: KeypadMeter) -> KeypadMeter:
    """Let the time pass that passed since the meter was looked at last; a clock that ran ahead waits."""
    return run(meter, max(0, min(int(time.time()) - meter.clock_s, 86400 * 366)))


def step_of(line: str) -> _Step:
    """
    Return what a line makes a meter do.

    :raises NotUnderstood: if it is none of the words
    """
    word, *rest = line.lower().split()
    if word[0].isdigit():
        return lambda meter: enter(meter, line)
    span = _SPAN.fullmatch(rest[0]) if len(rest) == 1 else None
    if word == "run" and span:
        return lambda meter: (run(meter, int(span[1]) * _SECONDS[span[2]]), None)
    if word == "load" and len(rest) == 1 and rest[0].isdecimal() and len(rest[0]) < 8:
        return lambda meter: (with_load(meter, int(rest[0])), None)
    plain: dict[str, Callable[[KeypadMeter], KeypadMeter]] = {
        "tamper": tampered,
        "off": lambda meter: switched(meter, has_supply=False),
        "on": lambda meter: switched(meter, has_supply=True),
        "show": lambda meter: meter,
    }
    if rest or word not in plain:
        raise NotUnderstood(f"not understood; a line is one of: {WORDS}")
    return lambda meter: (plain[word](meter), None)


def described(meter: KeypadMeter, entry: Entry | None) -> dict[str, object]:
    """Return a meter in words for a program to read; energies in kWh as text."""
    reason = meter.relay_open_because
    return {
        "drn": meter.drn,
        "display": list(entry.display if entry else display(meter)),
        "verdict": str(entry.verdict) if entry else None,
        "word": entry.word if entry else None,
        "remaining_kwh": format_kwh(meter.remaining_wh),
        "used_kwh": format_kwh(meter.used_wh),
        "relay": f"open: {reason}" if reason else "closed",
        "load_w": meter.load_w,
        "supply_group_code": meter.security.supply_group_code,
        "key_revision": meter.security.key_revision,
        "tariff_index": meter.security.tariff_index,
        "key_expiry": meter.security.key_expiry,
    }


def _refuse(refusal: Refusal) -> int:
    print(f"{refusal.message} {refusal.remedy}".strip(), file=sys.stderr)
    return 1
