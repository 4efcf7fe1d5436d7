import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.reports.receipt.code import CODE_LENGTH, code_image, make_code, read_code

pytestmark = pytest.mark.unit
ids = st.integers(min_value=0, max_value=2**40 - 1)


@given(ids)
def test_code_leads_back_to_its_document_and_only_under_its_secret(document_id):
    code = make_code(document_id, "one")

    assert len(code) == CODE_LENGTH
    assert read_code(code, "one") == document_id
    assert read_code(code, "two") is None


@given(ids, st.integers(min_value=0, max_value=CODE_LENGTH - 1), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_code_with_one_other_letter_is_refused(document_id, place, letter):
    code = make_code(document_id, "one")
    other = code[:place] + letter + code[place + 1 :]

    assert (read_code(other, "one") == document_id) is (other == code)


@given(st.text(max_size=30))
def test_any_other_text_is_refused(text):
    assert read_code(text, "one") is None


def test_neighbours_have_nothing_in_common_that_counts_sales():
    first, second = make_code(1, "one"), make_code(2, "one")

    assert sum(one == other for one, other in zip(first, second, strict=True)) < 8


def test_image_is_a_picture_without_scripts():
    image = code_image("https://tokens.example/r/ABC")

    assert image.startswith("data:image/svg+xml")
    assert "script" not in image
