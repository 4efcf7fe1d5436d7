import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.drivers.printer.escpos import COLUMNS, Escpos, encode, paired

pytestmark = pytest.mark.unit
START = b"\x1b@\x1bt\x10"


@given(st.text())
def test_text_never_holds_a_command(text):
    assert not any(byte < 0x20 or byte == 0x7F for byte in encode(text))


@given(st.text(), st.text())
def test_pairs_fit_on_the_paper(left, right):
    assert Escpos().pair(left, right).content().startswith(START)


@given(st.text(), st.sampled_from([1, 2]))
def test_any_text_fits_in_either_size(text, size):
    assert Escpos().text(text, size=size).content().endswith(b"\n")


def test_accents_are_lost_rather_than_letters():
    assert encode("Ďábel 王 €\N{NO-BREAK SPACE}5 −1") == b"D\xe1bel ? \x80 5 -1"


def test_line_that_is_too_long_is_refused():
    Escpos().line("x" * COLUMNS)
    with pytest.raises(ValueError, match="does not fit"):
        Escpos().line("x" * (COLUMNS // 2 + 1), size=2)


def test_size_weight_and_place_stand_before_the_text():
    assert Escpos().line("A", middle=True, bold=True, size=2).content() == START + b"\x1ba\x01\x1bE\x01\x1d!\x11A\n"


def test_value_too_wide_for_one_line_gets_its_own():
    assert paired("Name", "x" * 13, 12) == ["Name", "x" * 12, "x"]
    assert paired("Name", "x" * 9, 12) == ["Name", "   " + "x" * 9]


def test_code_tells_its_length_in_two_bytes():
    content = Escpos().code("u" * 300).cut().content()

    assert b"\x1d(k" + (303).to_bytes(2, "little") + b"1P0" + b"u" * 300 + b"\x1d(k\x03\x001Q0" in content
    assert content.endswith(b"\x1dVB\x03")
