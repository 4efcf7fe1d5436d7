"""
The cells of a workbook, read in a process of its own: a hostile file may end that one, and no other.

    python -m gridtill.reports.sheet_cells < WORKBOOK > JSON-LINES

The reader is fast and written in another language, where running out of memory ends the process
at once. So it runs behind limits on memory and time, with nothing in its environment worth having.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

MEMORY_MAXIMUM = 1536 * 1024 * 1024
SECONDS_MAXIMUM = 30
OUTPUT_MAXIMUM = 100 * 1024 * 1024


class CellsUnreadable(Exception):
    """No cells came of it: no workbook, or one that asks for more than it is worth."""


def cells_of(content: bytes, *, rows: int, columns: int, characters: int) -> Iterator[list[str]]:
    """
    Return the rows of a workbook's first sheet, cells as text, each cut one beyond what is allowed.

    :raises CellsUnreadable: if the other process was ended, or found no workbook
    """
    # Its own modules and nothing else: no secret of this process is in the other's environment.
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "gridtill.reports.sheet_cells", str(rows), str(columns), str(characters)]
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(  # noqa: S603  our own module, by our own interpreter
                command,
                input=content,
                stdout=said,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=SECONDS_MAXIMUM + 5,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CellsUnreadable("it took too long") from error
        if done.returncode:
            raise CellsUnreadable(f"the reader ended with {done.returncode}")
        said.seek(0)
        for line in said:
            yield json.loads(line)


def main(arguments: list[str], source: IO[bytes], target: IO[bytes]) -> int:
    """Read a workbook and write its rows, within limits; 1 if it is none, 2 if it is too much."""
    import python_calamine  # noqa: PLC0415  the server itself never loads it

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAXIMUM, MEMORY_MAXIMUM))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAXIMUM, SECONDS_MAXIMUM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rows, columns, characters = map(int, arguments)
    try:
        book = python_calamine.load_workbook(io.BytesIO(source.read()))
        cells = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError, ValueError):
        return 1
    written = 0
    for line in cells[: rows + 1]:
        texts = [_as_text(cell)[: characters + 1] for cell in line[: columns + 1]]
        spelled = json.dumps(texts).encode() + b"\n"
        written += len(spelled)
        if written > OUTPUT_MAXIMUM:
            return 2
        target.write(spelled)
    return 0


def _as_text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer))
