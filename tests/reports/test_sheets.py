from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter

from gridtill.reports.sheets import SheetRefused, read_sheet


def workbook(fill) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        fill(book.add_worksheet())
    return stream.getvalue()


def archive(**parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,\xc3\xa9\n",
        b"\xef\xbb\xbfa;b\r\n1;\xc3\xa9\r\n",
        b"a\tb\n\n1\t\xc3\xa9",
        "a,b\n1,é\n".encode("utf-16"),
        b'a,"b"\n"1","\xc3\xa9"\n,,\n',
    ],
)
def test_csv_of_every_make_reads_the_same(content):
    sheet = read_sheet(content)

    assert (sheet.headers, sheet.rows) == (("a", "b"), (("1", "é"),))


def test_short_rows_are_filled_up():
    assert read_sheet(b"a,b,c\n1\n").rows == (("1", "", ""),)


def test_workbook_numbers_come_as_whole_text():
    def fill(sheet):
        sheet.write_row(0, 0, ["asset", "number"])
        sheet.write_row(1, 0, ["M1", 37000000018])

    assert read_sheet(workbook(fill)).rows == (("M1", "37000000018"),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,\xe9\n", "UTF-8"),
        (b"a,b\n1,\x00\n", "neither CSV nor XLSX"),
        (b"a,b\n1,2,3\n", "more cells"),
        (b"a\n" + b"1\n" * 50_001, "50,000"),
        (b"a\n" + b"x" * 10_485_760, "10 MB"),
        (b'a\n"' + b"x" * 200_000, "readable CSV"),
        (b"a\n" + b"x" * 1_001, "longer than"),
        (b",".join([b"a"] * 101) + b"\n1\n", "columns"),
        (b"PK\x03\x04nonsense", "readable XLSX"),
        (archive(a=b"0" * 101 * 1024 * 1024), "unpacks"),
        (archive(a=b"hello"), "readable XLSX"),
        (archive(a=b"<!DOCTYPE x><x/>"), "readable XLSX"),
        (archive(**{f"p{n}": b"" for n in range(201)}), "readable XLSX"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_file_is_refused_in_words(content, words):
    with pytest.raises(SheetRefused, match=words) as refused:
        read_sheet(content)

    assert refused.value.field == "file"
    assert refused.value.remedy


def test_formula_is_refused():
    with pytest.raises(SheetRefused, match="formulas"):
        read_sheet(workbook(lambda sheet: sheet.write_formula(1, 0, "=1+1")))


def test_far_cell_is_refused_before_room_is_reserved():
    with pytest.raises(SheetRefused, match="far beyond"):
        read_sheet(workbook(lambda sheet: sheet.write(1_048_575, 16_383, "x")))
