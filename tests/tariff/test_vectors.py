from datetime import date
from importlib import resources

import pytest

from gridtill.kernel.errors import Refusal
from gridtill.tariff.document import TariffInvalid, load_tariff
from gridtill.tariff.quote import History
from gridtill.tariff.vectors import check_vectors, read_history
from tests.tariff.documents import FLAT, HEAD

pytestmark = pytest.mark.unit

SHIPPED = sorted(
    (item for item in (resources.files("gridtill.tariff") / "published").iterdir()), key=lambda item: item.name
)


@pytest.mark.parametrize("document", SHIPPED, ids=lambda item: item.name)
def test_a_shipped_tariff_reproduces_its_figures(document):
    tariff = load_tariff(document.read_text("utf-8"))

    assert document.name == f"{tariff.code.lower()}.toml"
    assert tariff.vectors
    assert check_vectors(tariff) == []


@pytest.mark.parametrize("document", SHIPPED, ids=lambda item: item.name)
def test_a_figure_is_published_or_called_our_own(document):
    tariff = load_tariff(document.read_text("utf-8"))

    own = [vector.name for vector in tariff.vectors if not vector.published]
    assert [name for name in own if not name.startswith("own worked example")] == []
    assert tariff.source != "Own worked example" or len(own) == len(tariff.vectors)


def test_five_shipped_tariffs_have_published_figures():
    tariffs = [load_tariff(document.read_text("utf-8")) for document in SHIPPED]

    assert sum(any(vector.published for vector in tariff.vectors) for tariff in tariffs) >= 5


def with_vector(vector: str):
    return load_tariff(
        HEAD + FLAT.format(rate="10.00") + '[[vectors]]\nname = "v"\nat = 2026-01-01T00:00:00Z\n' + vector
    )


@pytest.mark.parametrize(
    ("vector", "failures"),
    [
        ('money = "100"\nexpect_energy_kwh = "10"', []),
        ('money = "100"\nexpect_energy_kwh = "9.9"', ["v: expected 9.9 kWh, found 10 kWh"]),
        ('energy_kwh = "3"\nexpect_money = "30.01"', ["v: expected 30.01, found 30.00"]),
        (
            'money = "100.40"\nexpect_energy_kwh = "10"\nexpect_carry = "0.30"',
            ["v: expected 0.30 carried, found 0.40 carried"],
        ),
        ('money = "100"\nexpect_lines = {energy = "99.00"}', ["v: expected energy 99.00, found energy 100.00"]),
        (
            'money = "0.10"\nexpect_energy_kwh = "1"',
            ["v: expected a quote, found The smallest purchase now is KES 1.00."],
        ),
        ('money = "x"\nexpect_energy_kwh = "1"', ["v: expected a quote, found “x” is not an amount."]),
    ],
)
def test_every_difference_is_a_failure_in_words(vector, failures):
    assert [str(failure) for failure in check_vectors(with_vector(vector))] == failures


def test_a_history_is_read_from_strings():
    history = read_history(
        {
            "month_kwh": "1.5",
            "year_kwh": "20",
            "recent_months_kwh": ["3", 4],
            "charged_through": "2026-10",
            "account_opened": "2025-01",
            "carry": "0.63",
        },
        "KES",
    )

    assert history == History(1500, 20_000, (3000, 4000), date(2026, 10, 1), date(2025, 1, 1), 63)


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": 1},
        {"month_kwh": "-1"},
        {"recent_months_kwh": "3"},
        {"recent_months_kwh": ["0"] * 37},
        {"charged_through": "October"},
        {"year_kwh": "much"},
    ],
)
def test_a_wrong_history_is_refused(wrong):
    with pytest.raises(Refusal) as caught:
        read_history(wrong, "KES")

    assert isinstance(caught.value, TariffInvalid) or caught.value.code == "invalid_value"
