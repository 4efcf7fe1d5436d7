import pytest

from gridtill.apps.pricing.queries import shipped_documents
from gridtill.tariff.document import TariffInvalid, load_tariff
from gridtill.web.tariffs.places import excerpt, wrong_line
from tests.factories.scene import FLAT

pytestmark = pytest.mark.unit
DOCUMENT = """code = "X"

[energy]
kind = "blocks"

[[energy.blocks]]
up_to_kwh = 30
rate = "1"

[[energy.blocks]] # the rest
rate = "2"

[[pass_through]]
code = "fuel"

[pass_through.rates]
"2026-11" = "0.5"
"""


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("The document is not TOML: Invalid value (at line 12, column 3).", 12),
        ("code must be text of at most 300 characters.", 1),
        ("energy.kind must be flat, blocks or time_of_use.", 4),
        ("energy.blocks[0].rate must be a decimal number in quotes.", 8),
        ("energy.blocks[1].rate must be a decimal number in quotes.", 11),
        ("energy.blocks[1].up_to_kwh must be missing in the last block.", 10),
        ("pass_through[0].rates.2026-11 must be a plain decimal number.", 17),
        ("pass_through[0].label must be text.", 13),
        ("energy.basis must be month, year or average.", 3),
        ("currency must be an ISO 4217 code such as KES.", None),
        ("“x” is not an amount.", None),
    ],
)
def test_error_leads_to_its_line(message, line):
    assert wrong_line(DOCUMENT, message) == line


@pytest.mark.parametrize(
    ("right", "wrong", "text"),
    [
        ('"20.00"', '"cheap"', 'rate = "cheap"'),
        ('kind = "flat"', 'kind = "flat"\nblock = 1', "block = 1"),
        ('money = "100.00"', "money = 100", "money = 100"),
        ("at = 2026-11-23T09:00:00Z", 'at = "today"', 'at = "today"'),
        ('name = "five units"', "", "[[vectors]]"),
        ('title = "Flat rate"', 'title = "Flat rate', 'title = "Flat rate'),
    ],
)
def test_line_is_that_of_what_was_spoilt(right, wrong, text):
    document = FLAT.replace(right, wrong)
    with pytest.raises(TariffInvalid) as refused:
        load_tariff(document)

    (marked,) = [line for line in excerpt(document, wrong_line(document, refused.value.message)) if line.wrong]
    assert marked.text == text


def test_excerpt_ends_with_the_document():
    assert [line.number for line in excerpt("a\nb\nc\nd", 1)] == [1, 2, 3]
    assert [(line.number, line.wrong) for line in excerpt("a\nb\nc\nd", 4)] == [(2, False), (3, False), (4, True)]
    assert excerpt("a", 2) == excerpt("a", None) == []


def test_every_shipped_document_is_walked_to_its_last_figure():
    for document in shipped_documents().values():
        last = len(load_tariff(document).vectors) - 1
        line = wrong_line(document, f"vectors[{last}].name must be text.")
        assert line is not None
        assert document.split("\n")[line - 1].startswith("name = ")
