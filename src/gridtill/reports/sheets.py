"""
Reading a table from an uploaded CSV or XLSX file without trusting it.

What a file claims of itself is not believed: archives are unpacked with a limit,
cell addresses are looked at before a spreadsheet reader reserves room for them,
and nothing that calculates is accepted.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from gridtill.kernel.errors import Refusal
from gridtill.reports.sheet_cells import CellsUnreadable, cells_of

BYTES_MAXIMUM = 10 * 1024 * 1024
ROWS_MAXIMUM = 50_000
COLUMNS_MAXIMUM = 100
CELL_MAXIMUM = 1_000
_UNPACKED_MAXIMUM = 100 * 1024 * 1024
_PARTS_MAXIMUM = 200

_ADDRESS = re.compile(rb"""\sr\s*=\s*["']([^"']*)["']""")
_PLAIN_ADDRESS = re.compile(rb"([A-Z]{0,3})([0-9]{1,7})")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")


class SheetRefused(Refusal):
    """An uploaded file that cannot or must not be read."""

    code = "sheet_refused"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy, field="file")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first row of a table and the rows below it, every cell as text, all of one width."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_sheet(content: bytes) -> Sheet:
    """
    Read a CSV or XLSX file, told apart by what is in it rather than by its name.

    :raises SheetRefused: if it is too big, unreadable, empty, or holds formulas or nonsense
    """
    if len(content) > BYTES_MAXIMUM:
        raise SheetRefused("The file is larger than 10 MB.", remedy="Split it into smaller files.")
    if not content.strip():
        raise SheetRefused("The file is empty.", remedy="Choose the file with the rows.")
    lines = _xlsx_lines(content) if content.startswith(b"PK\x03\x04") else _csv_lines(content)
    return _as_sheet(lines)


def _as_sheet(lines: Iterator[list[str]]) -> Sheet:
    rows: list[tuple[str, ...]] = []
    headers: tuple[str, ...] = ()
    for line in lines:
        cells = [cell.strip() for cell in line]
        if not any(cells):
            continue
        if len(cells) > COLUMNS_MAXIMUM:
            raise SheetRefused(f"A row has more than {COLUMNS_MAXIMUM} columns.", remedy="Remove what is not needed.")
        if any(len(cell) > CELL_MAXIMUM for cell in cells):
            raise SheetRefused(f"A cell is longer than {CELL_MAXIMUM} characters.", remedy="Check its quotation marks.")
        if not headers:
            headers = tuple(cells)
            continue
        if len(cells) > len(headers) and any(cells[len(headers) :]):
            raise SheetRefused(
                f"Row {len(rows) + 2} has more cells than the first row.", remedy="Give every column a heading."
            )
        rows.append(tuple((cells + [""] * len(headers))[: len(headers)]))
        if len(rows) > ROWS_MAXIMUM:
            raise SheetRefused("The file has more than 50,000 rows.", remedy="Split it into smaller files.")
    if not rows:
        raise SheetRefused("There are no rows below the headings.", remedy="Put the headings into the first row.")
    return Sheet(headers, tuple(rows))


def _csv_lines(content: bytes) -> Iterator[list[str]]:
    text = _decoded(content)
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise SheetRefused("The file is not a readable CSV table.", remedy="Save it again as CSV UTF-8.") from error


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SheetRefused(
            "The file's text is not in UTF-8, so names might come out wrong.", remedy="Save it as “CSV UTF-8” or XLSX."
        ) from error
    if "\x00" in text:
        raise SheetRefused("The file is neither CSV nor XLSX.", remedy="Save it as “CSV UTF-8” or XLSX.")
    return text


def _xlsx_lines(content: bytes) -> Iterator[list[str]]:
    _require_harmless(content)
    try:
        # One row and column more than allowed, so that too many are seen.
        yield from cells_of(content, rows=ROWS_MAXIMUM + 2, columns=COLUMNS_MAXIMUM, characters=CELL_MAXIMUM)
    except CellsUnreadable as error:
        raise _unreadable() from error


def _unreadable() -> SheetRefused:
    return SheetRefused("The file is not a readable XLSX workbook.", remedy="Open it and save it again as XLSX.")


def _require_harmless(content: bytes) -> None:
    left = _UNPACKED_MAXIMUM
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > _PARTS_MAXIMUM:
                raise _unreadable()
            for part in parts:
                with archive.open(part) as stream:
                    unpacked = stream.read(left + 1)
                left -= len(unpacked)
                if left < 0:
                    raise SheetRefused(
                        "The workbook unpacks to more than 100 MB.", remedy="Keep only the sheet with the rows."
                    )
                _require_plain_part(unpacked)
            # Other kinds of workbook hide their cells where nobody has looked.
            if "xl/workbook.xml" not in archive.namelist():
                raise _unreadable()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise _unreadable() from error


def _require_plain_part(part: bytes) -> None:
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
        raise _unreadable()
    if b"sheetData" not in part:
        return
    if _FORMULA.search(part):
        raise SheetRefused("The workbook holds formulas.", remedy="Copy the cells and paste them as values only.")
    for match in _ADDRESS.finditer(part):
        address = _PLAIN_ADDRESS.fullmatch(match[1])
        if address is None:
            raise _unreadable()
        # A lone cell at the far end makes the reader reserve room for billions of cells.
        if len(address[1]) > 2 or int(address[2]) > ROWS_MAXIMUM + 1:
            raise SheetRefused(
                "The workbook has cells far beyond its rows.", remedy="Copy the rows into a new workbook and save it."
            )
