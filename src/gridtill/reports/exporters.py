"""
Writers of CSV and XLSX files from rows, safe to open in a spreadsheet.

A text cell that a spreadsheet would take for a formula is written so that it stays
text; long digit strings such as meter numbers and tokens stay text as well.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any

import xlsxwriter

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BYTE_ORDER_MARK = "\ufeff"
_CHUNK_ROWS = 500
# Full-width forms are folded to their plain ones by some spreadsheets.
_FORMULA = re.compile(r"[\s\x00]*[=+\-@＝＋－＠|%]|[\t\r\n]")
_SECOND = re.compile(r"([;\t|]\s*)([=+\-@＝＋－＠])")
_NUMBER = re.compile(r"[+\-−]?\d+(\.\d+)?")
_XLSX_CELL_LIMIT = 32_767
# A spreadsheet keeps fifteen digits of a number; longer ones stay text.
_EXACT_LIMIT = 10**15

Row = Sequence[object]


def plain(text: str) -> str:
    """
    Return the text so that no spreadsheet runs it as a formula.

    >>> plain("=1+1"), plain("-5.00"), plain("Asha")
    ("'=1+1", '-5.00', 'Asha')
    """
    if _NUMBER.fullmatch(text):
        return text
    # Where a comma is the decimal sign, files are cut at semicolons; the rest of a cell would begin one of its own.
    text = text[:1] + _SECOND.sub(r"\1'\2", text[1:])
    return f"'{text}" if _FORMULA.match(text) else text


def _csv_cell(value: object, zone: tzinfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if value.tzinfo else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return plain(str(value))


def write_csv(columns: Sequence[object], rows: Iterable[Row], *, zone: tzinfo = UTC) -> Iterator[bytes]:
    """
    Yield a CSV file in UTF-8 with a byte order mark, a few hundred rows at a time.

    Moments are written in the given zone.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(_BYTE_ORDER_MARK)
    writer.writerow([plain(str(column)) for column in columns])
    for number, row in enumerate(rows, start=1):
        writer.writerow([_csv_cell(value, zone) for value in row])
        if number % _CHUNK_ROWS == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def write_xlsx(columns: Sequence[object], rows: Iterable[Row], *, zone: tzinfo = UTC, sheet: str = "Data") -> IO[bytes]:
    """
    Write an XLSX file and return it open at its start; the caller closes it.

    Rows are flushed as they come, so memory does not grow with their number.
    """
    output = TemporaryFile()  # noqa: SIM115  the answer streams it and closes it
    book = xlsxwriter.Workbook(
        output,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    page = book.add_worksheet(sheet[:31])
    bold = book.add_format({"bold": True})
    formats = {
        "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    for column, title in enumerate(columns):
        page.write_string(0, column, str(title), bold)
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            _write_cell(page, (number, column), value, zone, formats)
    page.freeze_panes(1, 0)
    book.close()
    output.seek(0)
    return output


def _write_cell(page: Any, place: tuple[int, int], value: object, zone: tzinfo, formats: dict[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, datetime):
        local = value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
        page.write_datetime(*place, local, formats["moment"])
    elif isinstance(value, date):
        page.write_datetime(*place, datetime(value.year, value.month, value.day), formats["day"])  # noqa: DTZ001
    elif isinstance(value, int | Decimal) and not isinstance(value, bool) and -_EXACT_LIMIT < value < _EXACT_LIMIT:
        page.write_number(*place, value)
    else:
        page.write_string(*place, str(value)[:_XLSX_CELL_LIMIT])
