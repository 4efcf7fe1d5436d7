"""Finding the line of a tariff document that an error speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_SAID = re.compile(r"\(at line ([0-9]+), column [0-9]+\)")
_PLACE_SAID = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]-]*")
_HEADER = re.compile(r"(\[\[?)\s*([A-Za-z0-9_.\"-]+)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"([A-Za-z0-9_.\"-]+)\s*=")
AROUND = 2


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a document; ``wrong`` marks the one that an error speaks of."""

    number: int
    text: str
    wrong: bool


def wrong_line(document: str, message: str) -> int | None:
    """
    Return the number of the line that an error speaks of, or of the table that lacks a key.

    >>> wrong_line('code = "X"\\n[energy]\\nrate = 5\\n', "energy.rate must be a decimal number.")
    3
    """
    said = _LINE_SAID.search(message)
    if said is not None:
        return int(said[1])
    place = _PLACE_SAID.match(message)
    if place is None:
        return None
    lines = dict(reversed(list(_places(document))))
    wanted = place[0]
    while wanted not in lines:
        shorter = re.sub(r"(\[[0-9]+\]|\.[^.\[]*)$", "", wanted)
        if shorter == wanted:
            return None
        wanted = shorter
    return lines[wanted]


def excerpt(document: str, number: int | None) -> list[SourceLine]:
    """Return a line and its neighbours, none if the line is not known."""
    lines = document.split("\n")
    if number is None or not 1 <= number <= len(lines):
        return []
    first, last = max(1, number - AROUND), min(len(lines), number + AROUND)
    return [SourceLine(at, lines[at - 1], at == number) for at in range(first, last + 1)]


def _places(document: str) -> Iterator[tuple[str, int]]:
    """Yield places such as ``energy.blocks[0].rate`` with their lines, in order."""
    counts: dict[str, int] = {}
    table = ""
    for number, text in enumerate(document.split("\n"), start=1):
        line = text.strip()
        if header := _HEADER.fullmatch(line):
            name = header[2].replace('"', "")
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
            table = _indexed(name, counts)
            yield table, number
        elif key := _KEY.match(line):
            name = key[1].replace('"', "")
            yield f"{table}.{name}" if table else name, number


def _indexed(name: str, counts: dict[str, int]) -> str:
    """Write the path of a table with the index of every list of tables on its way."""
    parts = name.split(".")
    indexed = ""
    for depth, part in enumerate(parts, start=1):
        count = counts.get(".".join(parts[:depth]))
        indexed += f"{'.' if indexed else ''}{part}{'' if count is None else f'[{count}]'}"
    return indexed
