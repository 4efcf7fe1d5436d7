import re
from dataclasses import replace

import pytest

from gridtill.reports.receipt import fonts
from gridtill.reports.receipt.document import ReceiptLine
from gridtill.reports.receipt.pdf import Paper, receipt_pdf

pytestmark = pytest.mark.unit


def media_boxes(pdf):
    return [[float(part) for part in box.split()] for box in re.findall(rb"/MediaBox \[([^\]]+)\]", pdf)]


def test_strip_is_eighty_millimetres_wide_and_one_page_however_long(receipt):
    long = replace(receipt, lines=receipt.lines * 30)
    short_box, long_box = (media_boxes(receipt_pdf(each, Paper.STRIP)) for each in (receipt, long))

    assert (len(short_box), len(long_box)) == (1, 1)
    assert short_box[0][2] == long_box[0][2] == pytest.approx(226.77, abs=0.01)
    assert long_box[0][3] > short_box[0][3] * 4


def test_page_is_a4_and_a_long_receipt_takes_a_second(receipt):
    long = replace(receipt, lines=receipt.lines * 20)

    assert [box[2:] for box in media_boxes(receipt_pdf(receipt, Paper.PAGE))] == [[595.2756, 841.8898]]
    assert len(media_boxes(receipt_pdf(long, Paper.PAGE))) > 1


@pytest.mark.parametrize("paper", list(Paper))
def test_same_receipt_gives_the_same_bytes_and_a_copy_others(receipt, paper):
    copy = replace(receipt, face=replace(receipt.face, copy=1))

    assert receipt_pdf(receipt, paper) == receipt_pdf(receipt, paper)
    assert receipt_pdf(copy, paper) != receipt_pdf(receipt, paper)


@pytest.mark.parametrize("paper", list(Paper))
def test_bare_receipt_can_be_drawn_too(receipt, paper):
    face = replace(receipt.face, header="", footer="", tokens=(), check_url="")
    bare = replace(receipt, face=face, debts=(), lines=(ReceiptLine("Debt", 5_00),))

    assert receipt_pdf(bare, paper).startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["王小明", "<b>Bold</b> & Sons", "Đặng Văn", "محمد", "😀", "x" * 400, "a\x00\nb"])
def test_any_name_can_be_drawn(receipt, name):
    for paper in Paper:
        assert receipt_pdf(replace(receipt, customer_name=name), paper).startswith(b"%PDF-")


def test_markup_sets_chinese_apart_and_does_not_pretend_to_write_arabic():
    assert fonts.markup("Li 李 & Co") == 'Li <font name="STSong-Light">李</font> &amp; Co'
    assert fonts.markup("محمد") == "????"
    assert fonts.markup("a\n b") == "a b"


def test_fonts_fall_back_to_those_of_the_library(tmp_path):
    face = fonts._face("Spare", [tmp_path / "none.ttf", fonts._BROUGHT / "Vera.ttf"])

    assert ord("A") in face.face.charToGlyph
    with pytest.raises(FileNotFoundError):
        fonts._face("Spare", [tmp_path / "none.ttf"])
