from __future__ import annotations

import io
import json
import zipfile

import pytest
import xlsxwriter

from gridtill.reports import sheet_cells
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


def zipped(parts):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return content.getvalue()


OFFICE = "http://schemas.openxmlformats.org"


def shared_workbook(shared, rows):
    """An XLSX whose cells all point to one shared string."""
    main, relations = f"{OFFICE}/spreadsheetml/2006/main", f"{OFFICE}/package/2006/relationships"
    kinds = f"{OFFICE}/officeDocument/2006/relationships"
    row = "<row>" + '<c t="s"><v>0</v></c>' * 50 + "</row>"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{OFFICE}/package/2006/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{kinds}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kinds}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}">'
            f'<Relationship Id="rId1" Type="{kinds}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="rId2" Type="{kinds}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
            "xl/sharedStrings.xml": f'<sst xmlns="{main}"><si><t>{shared}</t></si></sst>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{row * rows}</sheetData></worksheet>',
        }
    )


def open_document(repeated):
    """An ODS whose one cell is repeated so often."""
    name = "urn:oasis:names:tc:opendocument:xmlns"
    cell = f'<t:table-cell o:value-type="string" t:number-columns-repeated="{repeated}"><x:p>A1</x:p></t:table-cell>'
    rows = f'<t:table-row t:number-rows-repeated="{repeated}">{cell}</t:table-row>'
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": "<manifest/>",
            "content.xml": f'<o:document-content xmlns:o="{name}:office:1.0" xmlns:t="{name}:table:1.0" '
            f'xmlns:x="{name}:text:1.0"><o:body><o:spreadsheet><t:table t:name="S">{rows}</t:table></o:spreadsheet>'
            "</o:body></o:document-content>",
        }
    )


def test_a_small_shared_string_is_read():
    assert read_sheet(shared_workbook("A1", 3)).rows == (("A1",) * 50,) * 2


@pytest.mark.parametrize("content", [open_document(1), open_document(100_000), shared_workbook("y" * 1_000_000, 1_000)])
def test_files_that_grow_in_the_reader_end_it_and_nobody_else(content):
    assert len(content) < 8_000
    with pytest.raises(SheetRefused, match="not a readable XLSX"):
        read_sheet(content)


def test_long_strings_are_seen_without_being_carried():
    with pytest.raises(SheetRefused, match="longer than 1000"):
        read_sheet(shared_workbook("y" * 5_000, 2))


def test_reader_keeps_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("GRIDTILL_KEYSTORE_KEY", "00" * 32)
    monkeypatch.setattr(sheet_cells.sys, "executable", "/usr/bin/env")
    monkeypatch.setattr(sheet_cells.json, "loads", lambda line: [line.decode()])
    monkeypatch.setattr(sheet_cells.subprocess, "run", bare(sheet_cells.subprocess.run))

    seen = "".join(line[0] for line in sheet_cells.cells_of(b"", rows=1, columns=1, characters=1))
    assert "PYTHONPATH" in seen
    assert "GRIDTILL" not in seen


def bare(run):
    """Run the interpreter alone, which is env here and prints what it was given."""
    return lambda command, **options: run(command[:1], **options)


def test_reader_that_takes_too_long_is_ended(monkeypatch, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    slow.chmod(0o700)
    monkeypatch.setattr(sheet_cells, "SECONDS_MAXIMUM", -4)
    monkeypatch.setattr(sheet_cells.sys, "executable", str(slow))

    with pytest.raises(sheet_cells.CellsUnreadable, match="too long"):
        list(sheet_cells.cells_of(b"", rows=1, columns=1, characters=1))


def test_the_reader_itself_keeps_within_its_limits(monkeypatch):
    # In this process the limits would stay for whatever comes after.
    monkeypatch.setattr(sheet_cells.resource, "setrlimit", lambda *_limits: None)
    out = io.BytesIO()
    assert sheet_cells.main(["1", "2", "3"], io.BytesIO(shared_workbook("abcdef", 5)), out) == 0
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [["abcd"] * 3] * 2
    assert sheet_cells.main(["1", "2", "3"], io.BytesIO(b"nothing"), out) == 1
    monkeypatch.setattr(sheet_cells, "OUTPUT_MAXIMUM", 10)
    assert sheet_cells.main(["1", "2", "3"], io.BytesIO(shared_workbook("abcdef", 5)), out) == 2
