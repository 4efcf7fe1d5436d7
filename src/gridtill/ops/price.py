"""`gridtill price`: quote a tariff, a JSON line for a JSON line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gridtill.kernel.clock import now
from gridtill.kernel.energy import format_kwh, parse_kwh
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.money import format_minor, parse_money
from gridtill.tariff.document import Tariff, load_tariff
from gridtill.tariff.quote import Quote, quote_energy, quote_money
from gridtill.tariff.vectors import read_history

LINE_MAXIMUM = 64 * 1024
DOCUMENT_MAXIMUM = 256 * 1024
_KEYS = {"money", "energy_kwh", "history", "at"}


def main(argv: list[str]) -> int:
    """Quote every line of standard input; 0 when the tariff could be read, 2 when not."""
    parser = argparse.ArgumentParser(prog="gridtill price", description=__doc__)
    parser.add_argument("--tariff", required=True, help="a tariff document, or the name of one that is shipped")
    parser.add_argument("--zone", help="time zone of months and days (IANA name); the tariff's own, or UTC")
    arguments = parser.parse_args(argv)
    try:
        tariff = read_tariff(arguments.tariff)
        zone = ZoneInfo(arguments.zone or tariff.zone or "UTC")
    except Refusal as refusal:
        print(refusal.message, file=sys.stderr)
        return 2
    except (ZoneInfoNotFoundError, ValueError, OSError):
        print(f"There is no time zone {arguments.zone!r}.", file=sys.stderr)
        return 2
    for line in lines_of(sys.stdin.buffer):
        if line.strip():
            print(json.dumps(answer(tariff, zone, line)), flush=True)
    return 0


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a stream; of one that is too long only its beginning, so that memory stays bounded."""
    while line := stream.readline(LINE_MAXIMUM + 1):
        yield line
        while len(line) > LINE_MAXIMUM and not line.endswith(b"\n"):
            line = stream.readline(LINE_MAXIMUM + 1)


def read_tariff(name: str) -> Tariff:
    """
    Read a tariff from a file, or one of the shipped ones by its file's name.

    :raises Refusal: if neither exists, or the document is wrong
    """
    try:
        if Path(name).is_file():
            if Path(name).stat().st_size > DOCUMENT_MAXIMUM:
                raise InvalidValue(f"The tariff {name!r} is larger than 256 KiB.")
            return load_tariff(Path(name).read_text(encoding="utf-8"))
        shipped = (resources.files("gridtill.tariff") / "published").iterdir()
        text = next((item.read_text("utf-8") for item in shipped if item.name == f"{name.lower()}.toml"), None)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InvalidValue(f"The tariff {name!r} cannot be read: {error}") from None
    if text is None:
        raise InvalidValue(f"The tariff {name!r} is neither a file nor one that is shipped.")
    return load_tariff(text)


def answer(tariff: Tariff, zone: ZoneInfo, line: bytes) -> dict[str, Any]:
    """Return the quote for one line, or what is wrong with it; never raises for a bad line."""
    try:
        return _shown(_quote(tariff, zone, _request(line)), tariff.currency)
    except Refusal as refusal:
        return {"error": {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}}


def _request(line: bytes) -> dict[str, Any]:
    if len(line) > LINE_MAXIMUM:
        raise InvalidValue("The line is longer than 64 KiB.")
    try:
        request = json.loads(line, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"The line is not JSON: {error}") from None
    if not isinstance(request, dict) or not isinstance(request.get("history", {}), dict):
        raise InvalidValue("A line holds one JSON object.")
    unknown = sorted(set(request) - _KEYS)
    if unknown:
        raise InvalidValue(f"The key {unknown[0]!r} is not known.")
    if ("money" in request) == ("energy_kwh" in request):
        raise InvalidValue("Give money or energy_kwh, one of them.")
    return request


def _quote(tariff: Tariff, zone: ZoneInfo, request: dict[str, Any]) -> Quote:
    at = _moment(request["at"], zone) if "at" in request else now()
    history = read_history(request.get("history", {}), tariff.currency)
    if "money" in request:
        return quote_money(tariff, history, parse_money(str(request["money"]), tariff.currency), at, zone=zone)
    return quote_energy(tariff, history, parse_kwh(str(request["energy_kwh"])), at, zone=zone)


def _moment(value: object, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(str(value))
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue(f"{str(value)[:40]!r} is not a moment in ISO 8601.") from None
    if not 1970 <= at.year < 2200:
        raise InvalidValue("The moment must lie between 1970 and 2200.")
    return at


def _shown(quote: Quote, currency: str) -> dict[str, Any]:
    return {
        "energy_kwh": format_kwh(quote.energy_wh),
        "money": format_minor(quote.tender_minor, currency),
        "currency": currency,
        "carry": format_minor(quote.carry_after, currency),
        "lines": [
            {
                "kind": line.kind.value,
                "code": line.code,
                "label": line.label,
                "amount": format_minor(line.amount_minor, currency),
                "energy_kwh": format_kwh(line.quantity_wh) if line.quantity_wh is not None else None,
                "rate": line.rate,
            }
            for line in quote.lines
        ],
    }
