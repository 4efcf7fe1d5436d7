from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from gridtill.web.templatetags import gridtill as tags

pytestmark = pytest.mark.unit


def rendered(source, **values):
    return Template(source).render(Context(values))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (628450, "GHS", "6,284.50"),
        (-500, "GHS", "−5.00"),
        (1234567, "UGX", "1,234,567"),
        (5, "KWD", "0.005"),
    ],
)
def test_amount_groups_thousands_by_the_currency(minor, currency, text):
    assert tags.amount(minor, currency) == text


def test_money_keeps_currency_and_amount_together():
    assert rendered('{% money 5000 "KES" %}') == '<bdi class="money">KES\xa050.00</bdi>'
    assert rendered("{% money none 'KES' %}", none=None) == "—"


def test_energy_is_written_in_kwh():
    assert tags.kwh(29_338_400) == "29,338.4"
    assert rendered("{% energy 500 %}") == "<bdi>0.5\xa0kWh</bdi>"


def test_moment_is_shown_where_the_utility_is():
    at = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)

    with timezone.override(ZoneInfo("Africa/Nairobi")):
        text = tags.moment(at)

    assert text == '<time datetime="2026-11-23T01:30:00+03:00"><bdi>23 Nov 2026 01:30</bdi></time>'


def test_absent_moment_and_day_are_dashes():
    assert (tags.moment(None), tags.day(None)) == ("—", "—")
    assert tags.day(date(2026, 3, 1)) == '<time datetime="2026-03-01"><bdi>1 Mar 2026</bdi></time>'


def test_token_is_drawn_in_five_groups_of_four():
    assert tags.token_groups("49125536018722447019") == ["4912", "5536", "0187", "2244", "7019"]
    assert rendered('{% token "49125536" %}') == '<p class="mono" dir="ltr"><b>4912</b> <b>5536</b></p>'
    assert tags.token_groups(None) == []


@pytest.mark.parametrize(
    ("state", "tone"),
    [("SOLD", "good"), ("unknown", "warn"), ("REVERSED", "bad"), ("PENDING", "info"), ("CLOSED", "off")],
)
def test_state_has_the_tone_of_its_kind(state, tone):
    assert f'class="st st-{tone}"' in rendered("{% status state 'Words' %}", state=state)


def test_hostile_values_stay_text():
    hostile = '<script>alert("x")</script>'

    for source in (
        "{% status v v %}",
        "{% icon v %}",
        "{% money 1 v %}",
        "{% token v %}",
        '<i data-x="{{ v|json_attribute }}">',
    ):
        assert "<script" not in rendered(source, v=hostile)


def test_spark_stays_inside_its_box():
    drawn = tags.spark([5, 5, 9, 1])

    assert 'points="0,15 33,15 66,3 100,27"' in drawn
    assert tags.spark([1]) == ""


@pytest.mark.parametrize(("name", "text"), [("Akosua Boateng", "AB"), ("Esi", "E"), ("", ""), ("a b c", "AC")])
def test_initials_are_first_and_last(name, text):
    assert tags.initials(name) == text


def test_lines_of_a_quote_are_named_in_the_readers_language():
    with translation.override("fr"):
        assert tags.line_words("Energy, block 2") == "Énergie, tranche 2"
        assert tags.line_words("Carried to the next purchase") == "Reporté sur le prochain achat"
    assert tags.line_words("Energy, block 2") == "Energy, block 2"
    assert tags.line_words("VAT 16%") == "VAT 16%"
