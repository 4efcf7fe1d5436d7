"""
The file of a virtual meter: one JSON object, written whole before anybody sees the meter's answer.

It holds the meter's decoder key in the clear, as a meter does; it is for virtual meters only.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gridtill.kernel.errors import Refusal
from gridtill.sim.keypad.meter import KeypadMeter
from gridtill.sts.acceptance import STORED_IDENTIFIERS, MeterState, Section
from gridtill.sts.errors import StsError
from gridtill.sts.keys import DecoderKey
from gridtill.sts.pan import MeterPan

FORMAT = 1
_LARGEST_BYTES = 1_000_000
_Answer = TypeVar("_Answer")
_PLAIN = (
    "key_type",
    "key_revision",
    "key_expiry",
    "tariff_index",
    "base_date",
    "supply_group_code",
    "manufacturer",
    "power_limit_w",
    "unbalance_limit_w",
    "is_tampered",
    "lock_after",
    "wrong_entries",
    "locked_until",
)
_TEXTS = frozenset(("tariff_index", "supply_group_code"))
_OPTIONAL = frozenset(("power_limit_w", "unbalance_limit_w"))


class MeterFileWrong(Refusal):
    """A meter's file is missing, or is not one; it was left as it is."""

    code = "meter_file_wrong"


def dump(meter: KeypadMeter) -> dict[str, Any]:
    """Return a meter as what JSON can hold."""
    security = meter.security
    return {
        "format": FORMAT,
        "drn": meter.drn,
        "encryption_algorithm": security.key.algorithm,
        "decoder_key": security.key.octets.hex(),
        **{name: getattr(security, name) for name in _PLAIN},
        "identifiers": list(security.identifiers),
        "sections": {str(number): [section.content, section.at] for number, section in security.sections.items()},
        "remaining_ws": meter.remaining_ws,
        "used_ws": meter.used_ws,
        "load_w": meter.load_w,
        "has_supply": meter.has_supply,
        "clock_s": meter.clock_s,
    }


def parse(kept: Any) -> KeypadMeter:
    """
    Return the meter that ``dump`` described.

    :raises MeterFileWrong: if a part is missing or of the wrong kind
    """
    try:
        if kept["format"] != FORMAT:
            raise MeterFileWrong(f"This meter's file has format {kept['format']!r}; this version reads {FORMAT}.")
        security = MeterState(
            key=DecoderKey(kept["encryption_algorithm"], bytes.fromhex(kept["decoder_key"])),
            **{name: _plain(name, kept[name]) for name in _PLAIN},
            identifiers=_identifiers(kept["identifiers"]),
            sections={
                int(number): Section(_whole(section[0]), _whole(section[1]))
                for number, section in kept["sections"].items()
            },
        )
        return KeypadMeter(
            MeterPan.from_drn(kept["drn"]).drn,
            security,
            remaining_ws=_whole(kept["remaining_ws"]),
            used_ws=_whole(kept["used_ws"]),
            load_w=_whole(kept["load_w"]),
            has_supply=kept["has_supply"] is True,
            clock_s=_whole(kept["clock_s"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StsError) as wrong:
        raise MeterFileWrong(
            f"This is no meter's file: {wrong}.", remedy="Make the meter anew, or bring its own file back."
        ) from wrong


def _plain(name: str, value: Any) -> Any:
    if name in _OPTIONAL and value is None:
        return None
    if name in _TEXTS:
        return str(value)
    return value is True if name == "is_tampered" else _whole(value)


def _identifiers(kept: Any) -> tuple[int, ...]:
    if len(kept) != STORED_IDENTIFIERS:
        raise ValueError(f"a meter remembers {STORED_IDENTIFIERS} identifiers")
    return tuple(_whole(item) for item in kept)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value


def create(path: Path, meter: KeypadMeter) -> None:
    """
    Write a new meter's file.

    :raises MeterFileWrong: if something is there already, which is left as it is
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise MeterFileWrong(f"{path.name} is there already. Nothing was changed.", remedy="Choose another file.")
    _write(path, meter)


def read(path: Path) -> KeypadMeter:
    """
    Read a meter's file without changing it.

    :raises MeterFileWrong: if it is missing or no meter's
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise MeterFileWrong(f"{path.name} is too large for a meter's file.")
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MeterFileWrong(
            f"There is no meter in {path.name}.", remedy="Make one with `gridtill sim keypad FILE new`."
        ) from None
    except (OSError, ValueError, RecursionError) as wrong:
        raise MeterFileWrong(f"{path.name} cannot be read: {wrong}.") from wrong
    return parse(kept)


def change(path: Path, step: Callable[[KeypadMeter], tuple[KeypadMeter, _Answer]]) -> _Answer:
    """
    Take one step with the meter of a file, alone, and give its answer once the new state lies on disk.

    :raises MeterFileWrong: if the file is missing or no meter's
    """
    if not path.exists():
        read(path)
    with path.with_suffix(path.suffix + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = read(path)
        after, answer = step(before)
        if after != before:
            _write(path, after)
        return answer


def _write(path: Path, meter: KeypadMeter) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.touch(mode=0o600)
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(dump(meter), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
