import pytest

from gridtill.apps.pricing.queries import shipped_documents
from gridtill.tariff.document import load_tariff
from gridtill.web.tariffs import tables
from tests.factories.scene import FLAT

pytestmark = pytest.mark.unit
ITEMS = """
[[charges]]
code = "standing"
label = "Standing charge"
amount = "150"
months_max = 3

[[charges]]
code = "fee"
label = "Fee"
amount = "5"
every = "purchase"

[[pass_through]]
code = "fuel"
label = "Fuel"
[pass_through.rates]
"2026-10" = "4.31"
"2026-11" = "-0.5"

[[pass_through]]
code = "none"
label = "None"

[[levies]]
code = "epra"
label = "EPRA"
per_kwh = "0.08"
bases = []

[[levies]]
code = "nothing"
label = "Nothing"

[[levies]]
code = "vat"
label = "VAT"
kind = "tax"
percent = "16"
bases = ["energy", "fuel"]

[[levies]]
code = "gst"
label = "GST"
kind = "tax"
percent = "7.5"
included = true
"""
LIMITS = """
[purchase]
minimum = "10"
maximum = "5000"
minimum_kwh = "1"
maximum_kwh = "900.5"
debts = "first"
"""
SHARES = """kind = "time_of_use"
[[energy.periods]]
name = "a"
weekdays = [1, 3]
rate = "1"
share = "0.25"
[[energy.periods]]
name = "b"
rate = "2"
share = "0.75"
"""


def shipped(name):
    return load_tariff(shipped_documents()[name])


def of(energy='kind = "flat"\nrate = "20.00"', more=""):
    document = FLAT.replace('kind = "flat"\nrate = "20.00"', energy)
    return load_tariff(document.replace("[[vectors]]", f"{more}\n[[vectors]]"))


def blocks(basis, more=""):
    return of(
        f'kind = "blocks"\nbasis = "{basis}"\n{more}\n'
        '[[energy.blocks]]\nup_to_kwh = 1500\nrate = "10"\n[[energy.blocks]]\nrate = "30.125"\n'
    )


def test_flat_rate_is_one_row_without_a_basis():
    assert tables.block_rows(of()) == [("all energy", "20.00")]
    assert tables.basis_in_words(of()) == ""


def test_blocks_run_from_and_to():
    assert tables.block_rows(blocks("month")) == [("0 to 1,500 kWh", "10.00"), ("above 1,500 kWh", "30.125")]


@pytest.mark.parametrize(
    ("tariff", "words"),
    [
        (blocks("month"), "Counted by calendar month. Each block prices its own part."),
        (blocks("month", "whole_volume = true"), "Counted by calendar month. The block that a purchase ends in"),
        (blocks("year", 'year_reset = "07-01"'), "Counted by year, beginning on 1 July."),
        (blocks("average", "average_months = 6"), "The average of the last 6 months chooses one price"),
        (blocks("average", "average_months = 1"), "The average of the last 1 month chooses one price"),
        (shipped("sample-time-of-use"), ""),
    ],
)
def test_basis_is_said_in_words(tariff, words):
    said = tables.basis_in_words(tariff)

    assert said.startswith(words)
    assert bool(said) == bool(words)


def test_periods_are_said_by_days_and_hours():
    assert tables.period_rows(shipped("sample-time-of-use")) == [
        ("peak", "Mon–Fri", "18:00–22:00", "", "24.00"),
        ("night", "every day", "00:00–06:00, 22:00–24:00", "", "12.00"),
        ("shoulder", "every day", "all day", "", "18.00"),
    ]


def test_shares_and_single_days_are_said():
    assert tables.period_rows(of(SHARES)) == [
        ("a", "Mon, Wed", "all day", "25 %", "1.00"),
        ("b", "every day", "all day", "75 %", "2.00"),
    ]


def test_items_say_what_they_are_taken_of():
    rows = tables.item_rows(of(more=ITEMS), "KES")

    assert [(item.code, item.kind, item.worth, item.how) for item in rows] == [
        ("standing", "Charge", "150.00", "every month, at most 3 months at once"),
        ("fee", "Charge", "5.00", "with every purchase"),
        ("fuel", "Passed through", "−0.50 / kWh", "by month: 2026-10 4.31; 2026-11 −0.50"),
        ("none", "Passed through", "0.00 / kWh", "by month: –"),
        ("epra", "Levy", "0.08 / kWh", "for all energy"),
        ("nothing", "Levy", "0 %", "for all energy"),
        ("vat", "Tax", "16 %", "of energy, Fuel"),
        ("gst", "Tax", "7.5 %", "of energy, in the price already"),
    ]


def test_limits_are_said_where_there_are_any():
    assert tables.limit_rows(of()) == [("Debts", "taken after the charges")]
    assert [value for _label, value in tables.limit_rows(of(more=LIMITS))] == [
        "KES 10.00",
        "KES 5,000.00",
        "1 kWh",
        "900.5 kWh",
        "taken before the charges",
    ]


def test_figures_say_what_the_tariff_makes_of_them():
    more = 'expect_energy_kwh = "6"\nexpect_carry = "0"\nexpect_lines = { energy = "99" }'
    (right,) = tables.figure_rows(of())
    (wrong,) = tables.figure_rows(load_tariff(FLAT.replace('energy_kwh = "5"', more)))

    assert (right.given, right.expected, right.failures, right.published) == ("KES 100.00", "5 kWh", (), False)
    assert wrong.expected == "6 kWh, energy 99, 0 carried"
    assert wrong.failures == ("expected 6 kWh, found 5 kWh", "expected energy 99.00, found energy 100.00")


def test_figure_by_energy_tells_its_history():
    figure = tables.figure_rows(shipped("ke-domestic-2023"))[1]

    assert (figure.given, figure.expected) == ("10 kWh (recent months 20, 30, 40)", "KES 148.67")


def test_all_shipped_tariffs_can_be_shown():
    for name in shipped_documents():
        tariff = shipped(name)
        assert not any(figure.failures for figure in tables.figure_rows(tariff))
        parts = (tariff.charges, tariff.pass_throughs, tariff.levies)
        assert len(tables.item_rows(tariff, tariff.currency)) == sum(len(part) for part in parts)
