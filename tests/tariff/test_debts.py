from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.kernel.money import Money
from gridtill.tariff.debts import least_tender, taken_by_debts
from gridtill.tariff.frame import build_frame
from gridtill.tariff.quote import BelowMinimum, Deduction, History, LineKind
from tests.tariff.documents import NOON, TAXES, UTC_ZONE, amounts, buy, flat, price

pytestmark = pytest.mark.unit


def percent(value: str, remaining: int, base: str = "tender", priority: int = 10, code: str = "debt.1") -> Deduction:
    return Deduction(code, "Old debt", "percent", Fraction(value), remaining, base, priority)


def fixed(value: str, remaining: int, priority: int = 10, code: str = "debt.2") -> Deduction:
    return Deduction(code, "Connection", "fixed", Fraction(value), remaining, "tender", priority)


def test_a_percentage_of_the_tender_is_taken():
    quote = buy(flat(), "100.00", deductions=[percent("0.2", 50_000)])

    assert (quote.energy_wh, amounts(quote)) == (8000, {"energy": 8000, "debt.1": 2000})
    assert [line.detail for line in quote.lines if line.kind is LineKind.DEBT] == ["48000"]


def test_never_more_than_what_is_owed():
    quote = buy(flat(), "100.00", deductions=[percent("0.5", 300), fixed("7000", 700)])

    assert amounts(quote) == {"energy": 9000, "debt.1": 300, "debt.2": 700}


def test_charges_come_before_debts():
    # The charge with its VAT is 174.00; the rest of the money, 526.00, is more than the debt wants.
    quote = buy(flat(more=TAXES), "700.00", deductions=[percent("0.5", 50_000)])

    assert (quote.total(LineKind.CHARGE), amounts(quote)["debt.1"]) == (15_000, 35_000)


def test_a_debt_that_takes_everything_refuses_and_names_the_least():
    with pytest.raises(BelowMinimum, match=r"KES 11\.00"):
        buy(flat(), "5.00", deductions=[percent("1", 1000)])

    assert buy(flat(), "11.00", deductions=[percent("1", 1000)]).energy_wh == 100


def test_a_share_of_what_charges_leave():
    quote = buy(flat(more=TAXES), "374.00", deductions=[percent("0.5", 50_000, "after_charges")])

    assert amounts(quote)["debt.1"] == 10_000


def test_debts_may_come_before_charges():
    tariff = flat(more=TAXES + '[purchase]\ndebts = "first"\n')

    with pytest.raises(BelowMinimum):
        buy(tariff, "200.00", deductions=[percent("0.5", 50_000)])

    assert amounts(buy(tariff, "600.00", deductions=[percent("0.5", 50_000)]))["debt.1"] == 30_000


def test_the_lower_number_goes_first():
    debts = [fixed("800", 9000, 20), percent("0.3", 900_000, priority=1)]

    with pytest.raises(BelowMinimum):
        buy(flat(), "11.00", deductions=debts)

    quote = buy(flat(), "13.00", deductions=debts)
    assert [(line.code, line.amount_minor) for line in quote.lines] == [
        ("energy", 100),
        ("debt.1", 390),
        ("debt.2", 800),
        ("carry_out", 10),
    ]


def test_nothing_is_taken_of_money_that_charges_need():
    frame = build_frame(flat(more=TAXES), History(), NOON, 100, [percent("0.5", 900)], UTC_ZONE)

    assert [amount for _debt, amount in taken_by_debts(frame, 17_400)] == [0]


DEDUCTIONS = st.lists(
    st.builds(
        Deduction,
        code=st.just("debt"),
        label=st.just("Debt"),
        kind=st.sampled_from(["percent", "fixed"]),
        value=st.one_of(st.fractions(0, 1, max_denominator=100), st.integers(0, 5000).map(Fraction)),
        remaining_minor=st.integers(0, 20_000),
        base=st.sampled_from(["tender", "after_charges"]),
        priority=st.integers(1, 3),
    ),
    max_size=4,
).map(lambda debts: [debt for debt in debts if debt.kind == "fixed" or debt.value <= 1])


@given(DEDUCTIONS, st.integers(1, 60_000), st.booleans(), st.booleans())
def test_debts_keep_to_what_is_there_and_owed(debts, tender, charged, first):
    tariff = flat(more=(TAXES if charged else "") + ('[purchase]\ndebts = "first"\n' if first else ""))
    frame = build_frame(tariff, History(), NOON, 100, debts, UTC_ZONE)

    taken = taken_by_debts(frame, tender)

    assert all(0 <= amount <= debt.remaining_minor for debt, amount in taken)
    assert sum(amount for _debt, amount in taken) <= tender


@given(DEDUCTIONS, st.integers(1, 30_000), st.booleans(), st.booleans())
def test_the_least_tender_leaves_enough_and_one_less_does_not(debts, needed, charged, first):
    tariff = flat(more=(TAXES if charged else "") + ('[purchase]\ndebts = "first"\n' if first else ""))
    frame = build_frame(tariff, History(), NOON, 100, debts, UTC_ZONE)

    def left(tender: int) -> int:
        return tender - sum(amount for _debt, amount in taken_by_debts(frame, tender))

    tender = least_tender(frame, needed)

    assert left(tender) >= needed
    assert left(tender - 1) < needed


@given(DEDUCTIONS, st.integers(1, 900))
def test_an_energy_is_paid_with_its_debts(debts, tenths):
    tariff = flat(more=TAXES)

    quote = price(tariff, f"{tenths // 10}.{tenths % 10}", deductions=debts)

    assert quote.energy_wh >= tenths * 100
    assert sum(line.amount_minor for line in quote.lines) == quote.tender_minor
    assert Money(quote.tender_minor, "KES").minor > 0
