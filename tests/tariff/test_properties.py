"""What holds for every tariff, history and sum of money."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtill.kernel.energy import Energy
from gridtill.kernel.money import Money
from gridtill.tariff.document import Block, Charge, Levy, PassThrough, Tariff
from gridtill.tariff.frame import build_frame
from gridtill.tariff.price import cost, most_energy, priced
from gridtill.tariff.quote import BelowMinimum, Deduction, History, quote_energy, quote_money
from tests.tariff.documents import UTC_ZONE

pytestmark = pytest.mark.unit

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def rates(least: int = 1) -> st.SearchStrategy[Fraction]:
    return st.integers(least, 5_000_000).map(lambda units: Fraction(units, 100_000))


@st.composite
def block_lists(draw) -> tuple[Block, ...]:
    limits = sorted(draw(st.sets(st.integers(1, 600), max_size=5)))
    prices = draw(st.lists(rates(), min_size=len(limits) + 1, max_size=len(limits) + 1))
    return tuple(Block(limit and limit * 1000, rate) for limit, rate in zip([*limits, None], prices, strict=True))


@st.composite
def tariffs(draw, **fixed) -> Tariff:
    charges = tuple(
        Charge(f"c{index}", "Charge", amount, monthly, 3)
        for index, (amount, monthly) in enumerate(
            draw(st.lists(st.tuples(st.integers(0, 9000), st.booleans()), max_size=2))
        )
    )
    passed = tuple(
        PassThrough(f"p{index}", "Passed", ((date(2020, 1, 1), rate),))
        for index, rate in enumerate(draw(st.lists(rates(0), max_size=2)))
    )
    codes = ["energy", *(item.code for item in charges), *(item.code for item in passed)]
    levies = tuple(
        Levy(
            f"l{index}", "Levy", is_tax, Fraction(percent, 1000), Fraction(0) if included else per_kwh, bases, included
        )
        for index, (is_tax, percent, per_kwh, bases, included) in enumerate(
            draw(
                st.lists(
                    st.tuples(
                        st.booleans(),
                        st.integers(0, 300),
                        rates(0),
                        st.lists(st.sampled_from(codes), unique=True).map(tuple),
                        st.booleans(),
                    ),
                    max_size=3,
                )
            )
        )
    )
    values = {
        "code": "P",
        "title": "P",
        "currency": draw(st.sampled_from(["KES", "UGX", "KWD"])),
        "price_class": "residential",
        "valid_from": date(2020, 1, 1),
        "source": "made up",
        "basis": draw(st.sampled_from(["month", "year", "average"])),
        "whole_volume": draw(st.booleans()),
        "blocks": draw(block_lists()),
        "periods": (),
        "average_months": 3,
        "year_reset": (1, 1),
        "charges": charges,
        "pass_throughs": passed,
        "levies": levies,
        "minimum_minor": 0,
        "maximum_minor": None,
        "vectors": (),
    }
    return Tariff(**{**values, **fixed})


HISTORIES = st.builds(
    History,
    month_wh=st.integers(0, 8000).map(lambda steps: steps * 100),
    year_wh=st.integers(0, 8000).map(lambda steps: steps * 100),
    recent_months_wh=st.lists(st.integers(0, 900_000), max_size=4).map(tuple),
    charged_through=st.sampled_from([None, date(2026, 11, 1), date(2026, 8, 1)]),
    carry_minor=st.integers(0, 3000),
)


@given(tariffs(), HISTORIES, st.integers(1, 5_000_000))
def test_a_quote_neither_loses_nor_invents_a_minor_unit(tariff, history, tender):
    try:
        quote = quote_money(tariff, history, Money(tender, tariff.currency), AT, zone=UTC_ZONE)
    except BelowMinimum:
        return

    assert sum(line.amount_minor for line in quote.lines) == tender
    assert quote.energy_wh % 100 == 0
    assert quote.energy_wh > 0
    assert quote.carry_after >= 0


@given(tariffs(), HISTORIES, st.integers(1, 5_000_000))
def test_the_energy_is_the_most_that_the_money_pays_for(tariff, history, money):
    frame = build_frame(tariff, history, AT, 100, (), UTC_ZONE)

    wh = most_energy(frame, money)

    if wh:
        assert cost(frame, wh) <= money
    if not tariff.whole_volume:
        assert cost(frame, wh + 100) > money


@given(tariffs(), HISTORIES, st.integers(1, 9000))
def test_the_cost_is_the_sum_of_its_items(tariff, history, steps):
    frame = build_frame(tariff, history, AT, 100, (), UTC_ZONE)

    assert cost(frame, steps * 100) == sum(item.exact for item in priced(frame, steps * 100))


@given(tariffs(), HISTORIES, st.integers(1, 9000))
def test_energy_and_money_agree_within_a_rounding_unit(tariff, history, steps):
    quote = quote_energy(tariff, history, Energy(steps * 100), AT, zone=UTC_ZONE)

    assert quote.energy_wh >= steps * 100
    again = quote_money(tariff, history, Money(quote.tender_minor, tariff.currency), AT, zone=UTC_ZONE)
    assert again == quote
    if quote.tender_minor > 1:
        try:
            less = quote_money(tariff, history, Money(quote.tender_minor - 1, tariff.currency), AT, zone=UTC_ZONE)
        except BelowMinimum:
            return
        assert less.energy_wh < steps * 100


@given(tariffs(whole_volume=False), HISTORIES, st.integers(1, 3_000_000), st.integers(0, 3_000_000))
def test_more_money_never_buys_less(tariff, history, money, more):
    frame = build_frame(tariff, history, AT, 100, (), UTC_ZONE)

    assert most_energy(frame, money) <= most_energy(frame, money + more)


@given(block_lists(), rates(0), st.integers(0, 300), st.integers(0, 900_000), st.integers(0, 900_000))
def test_two_purchases_are_worth_one(prices, fuel, percent, first, second):
    """The path does not matter where blocks are marginal: compared before anything is floored."""
    levy = Levy(
        "vat",
        "VAT",
        is_tax=True,
        percent=Fraction(percent, 1000),
        per_kwh=Fraction(0),
        bases=("energy",),
        included=False,
    )
    tariff = Tariff(
        "P", "P", "KES", "residential", date(2020, 1, 1), "made up", "month", False, prices, (), 3, (1, 1), (),
        (PassThrough("f", "F", ((date(2020, 1, 1), fuel),)),), (levy,), 0, None, (),
    )  # fmt: skip

    def spent(start: int, wh: int) -> Fraction:
        return cost(build_frame(tariff, History(month_wh=start), AT, 1, (), UTC_ZONE), wh)

    assert spent(0, first) + spent(first, second) == spent(0, first + second)


@settings(max_examples=50)
@given(tariffs(whole_volume=False), st.lists(st.integers(1, 300_000), min_size=1, max_size=8))
def test_carried_money_is_neither_lost_nor_made(tariff, tenders):
    history, paid, carried = History(), 0, 0
    for tender in tenders:
        try:
            quote = quote_money(tariff, history, Money(tender, tariff.currency), AT, zone=UTC_ZONE)
        except BelowMinimum:
            continue
        assert quote.carry_before == carried
        paid += tender - sum(line.amount_minor for line in quote.lines if not line.code.startswith("carry"))
        carried = quote.carry_after
        history = History(
            history.month_wh + quote.energy_wh,
            history.year_wh + quote.energy_wh,
            (),
            quote.charged_through,
            None,
            carried,
        )

    assert paid == carried


@given(tariffs(), HISTORIES, st.integers(1, 2_000_000), st.fractions(0, 1, max_denominator=20), st.integers(0, 90_000))
def test_the_sum_named_in_a_refusal_is_enough(tariff, history, tender, share, remaining):
    debts = [Deduction("debt.1", "Debt", "percent", share, remaining)]
    try:
        quote = quote_money(tariff, history, Money(tender, tariff.currency), AT, zone=UTC_ZONE, deductions=debts)
    except BelowMinimum as refusal:
        text = refusal.remedy.removeprefix("Pay at least ").removesuffix(".")
        least = int(text.replace(".", ""))
        assert least > tender
        quote = quote_money(tariff, history, Money(least, tariff.currency), AT, zone=UTC_ZONE, deductions=debts)

    assert quote.energy_wh > 0
