import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import python_calamine
from hypothesis import given
from hypothesis import strategies as st

from gridtill.reports.exporters import plain, write_csv, write_xlsx

pytestmark = pytest.mark.unit

NAIROBI = ZoneInfo("Africa/Nairobi")
AT = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)


def read_csv(columns, rows, **options):
    return list(csv.reader(io.StringIO(b"".join(write_csv(columns, rows, **options)).decode("utf-8-sig"))))


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "\t=1", "\r=1", "＝1+1", "|x", "%0A"]
)
def test_csv_cell_that_looks_like_a_formula_becomes_text(cell):
    assert plain(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-5.00", "+233245550148", "37194028816", "Asha", "", "a=b"])
def test_csv_cell_that_is_harmless_stays_as_it_is(cell):
    assert plain(cell) == cell


@given(st.text(max_size=20))
def test_no_csv_cell_starts_a_formula(text):
    cell = plain(text)

    assert cell in (text, f"'{text}")
    assert cell[:1] not in {"=", "@"}


def test_csv_writes_values_as_a_clerk_reads_them():
    table = read_csv(["a", "=b"], [[Decimal("1E+3"), None], [AT, date(2026, 3, 1)], [7, True]], zone=NAIROBI)

    assert table == [["a", "'=b"], ["1000", ""], ["2026-11-23 01:30:00", "2026-03-01"], ["7", "True"]]


def test_csv_comes_in_pieces_and_loses_nothing():
    pieces = list(write_csv(["n"], ([number] for number in range(1203))))

    assert len(pieces) == 3
    assert len(b"".join(pieces).splitlines()) == 1204


def test_xlsx_keeps_numbers_moments_and_text_apart():
    local = AT.astimezone(NAIROBI).replace(tzinfo=None)
    rows = [[Decimal("12.50"), "=1+1", "49125536018722447019", AT, date(2026, 3, 1), None]]

    with write_xlsx(["a", "b", "c", "d", "e", "f"], rows, zone=NAIROBI) as book:
        sheet = python_calamine.load_workbook(io.BytesIO(book.read())).get_sheet_by_index(0).to_python()

    assert sheet[1][:5] == [12.5, "=1+1", "49125536018722447019", local, date(2026, 3, 1)]


@pytest.mark.parametrize(
    ("text", "safe"), [("Bo;=1+1", "Bo;'=1+1"), ("a\t@x", "a\t'@x"), ("Ann; Bob", "Ann; Bob"), ("1;2", "1;2")]
)
def test_no_part_of_a_cell_becomes_a_formula(text, safe):
    assert plain(text) == safe
