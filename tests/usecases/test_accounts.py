"""Opening and cancelling accounts: what is paid out, once, and what stands in the way."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.operations import DebtTerms, add_debt, set_frozen
from gridtill.apps.customers.models import CustomerAgreement, MeterInstallation
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.organization.models import UtilitySettings
from gridtill.apps.vending.models import CashierShift, DayTotal, Delivery, SalesDocument, ShiftTender
from gridtill.apps.vending.operations.closing import close_day
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.documents import RequestReused
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.settlement import (
    ApprovalMissing,
    NotSettleable,
    Reading,
    settle_account,
    settlement_of,
)
from gridtill.apps.vending.operations.shifts import count_shift, sign_shift
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.queries.journal import export_lines
from gridtill.apps.vending.queries.records import BalanceConditions, day_balance
from gridtill.kernel.chain import verify
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.usecases.close_account import Closing, close_account
from tests.factories.scene import MORNING, make_scene, make_supply

pytestmark = pytest.mark.django_db
LEVIED = """
code = "LEVIED"
title = "Levied"
currency = "KES"
price_class = "residential"
valid_from = 2026-01-01

[source]
name = "made for a test"

[energy]
kind = "flat"
rate = "20.00"

[[charges]]
code = "service"
label = "Service"
amount = "10.00"
every = "purchase"

[[levies]]
code = "fund"
label = "Fund"
kind = "levy"
per_kwh = "1.00"
bases = []

[[levies]]
code = "vat"
label = "VAT"
kind = "tax"
percent = "16"
bases = ["energy", "service"]

[[levies]]
code = "stamp"
label = "Stamp"
kind = "tax"
percent = "10"
bases = ["service"]
"""


@pytest.fixture
def scene():
    made = make_scene()
    made.asha = replace(made.asha, permissions=made.asha.permissions | {"account.close", "account.open"})
    return made


@pytest.fixture
def supply(scene):
    return make_supply(scene)


def buy(scene, supply, minor, kind="CASH"):
    order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow(kind, minor, minor, "" if kind == "CASH" else "R1"),))
    vend_id = sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)
    issue_token(vend_id=vend_id, actor=scene.asha, at=MORNING)


def settle(scene, supply, remaining_wh, request_id=None, *, register_wh=0, approver=None):
    return settle_account(
        request_id=request_id or new_id(),
        agreement_id=supply.pk,
        shift_id=scene.shift.pk,
        reading=Reading(remaining_wh, register_wh),
        reason="moves away",
        actor=scene.asha,
        at=MORNING,
        approver=approver,
    )


def close(scene, supply, *, approver=None, request_id=None, **changes):
    values = {
        "agreement_id": supply.pk,
        "usage_point_id": supply.usage_point_id,
        "shift_id": scene.shift.pk,
        "remaining_wh": 2_000,
        "register_wh": 3_000,
        "password": "",
        "reason": "password forgotten",
        "password_waived": True,
    } | changes
    return close_account(
        request_id=request_id or new_id(),
        closing=Closing(**values),
        actor=scene.asha,
        at=MORNING,
        approver=approver,
    )


def test_left_energy_is_worth_what_was_paid_for_it_and_never_more(scene, supply):
    buy(scene, supply, 100_00)

    assert settlement_of(supply.pk, 2_000, 0).due_minor == 40_00
    assert settlement_of(supply.pk, 9_000, 0).due_minor == 100_00
    assert settlement_of(supply.pk, 0, 30_00).due_minor == -30_00


@pytest.mark.parametrize("remaining_wh", [-1, 10**13])
def test_impossible_energy_is_refused(scene, supply, remaining_wh):
    with pytest.raises(InvalidValue):
        settlement_of(supply.pk, remaining_wh, 0)


def test_debts_are_taken_off_and_what_remains_is_claimed(scene, supply):
    buy(scene, supply, 100_00)
    terms = DebtTerms(DebtKind.CONNECTION, "Connection", RecoveryMode.FIXED, fixed_minor=10_00)
    add_debt(account_id=supply.account_id, principal_minor=70_00, terms=terms, actor=scene.bram, at=MORNING)
    settle(scene, supply, 2_000)

    # 40.00 of energy against 70.00 of debt: the customer pays 30.00 into the drawer.
    assert (balance_of("1400"), balance_of("1000.T01"), is_balanced()) == (0, 5_130_00, True)


def test_same_request_settles_once_and_another_one_is_refused_after_the_end(scene, supply):
    buy(scene, supply, 100_00)
    request_id = new_id()
    first = settle(scene, supply, 2_000, request_id)
    assert settle(scene, supply, 2_000, request_id) == first
    CustomerAgreement.objects.update(status="CLOSED")

    with pytest.raises(NotSettleable, match="Only an opened account"):
        settle(scene, supply, 2_000)
    assert SalesDocument.objects.filter(kind="SETTLEMENT").count() == 1


def test_more_than_the_drawer_holds_is_not_paid_out(scene, supply):
    buy(scene, supply, 9_000_00, "MOBILE_MONEY")

    with pytest.raises(NotSettleable, match="drawer does not hold"):
        settle(scene, supply, 450_000)
    assert ShiftTender.objects.get(shift=scene.shift, kind="CASH").reversed_minor == 0


def test_open_delivery_stands_in_the_way(scene, supply):
    buy(scene, supply, 100_00)
    Delivery.objects.update(state="UNKNOWN")

    with pytest.raises(NotSettleable, match="has not reached its end"):
        settle(scene, supply, 2_000)


def test_closed_till_settles_nothing(scene, supply):
    CashierShift.objects.update(state="COUNTED")

    with pytest.raises(NotSettleable, match="till is closed"):
        settle(scene, supply, 0)


def test_waived_password_needs_a_reason_and_a_second_person(scene, supply):
    buy(scene, supply, 100_00)
    with pytest.raises(InvalidValue, match="reason"):
        close(scene, supply, reason=" ", approver=scene.bram)
    with pytest.raises(ApprovalMissing, match="second person"):
        close(scene, supply)
    with pytest.raises(ApprovalMissing, match="their own"):
        close(scene, supply, approver=replace(scene.bram, id=scene.asha.id))
    number = close(scene, supply, approver=scene.bram)

    assert (CustomerAgreement.objects.get().status, number.startswith("T01-")) == ("CLOSED", True)
    assert MeterInstallation.objects.get().removed_register_wh == 3_000
    assert json.loads(SalesDocument.objects.get(number=number).payload)["approver"] == scene.bram.name


def test_the_same_cancellation_is_done_once_and_stands_for_no_other(scene, supply):
    buy(scene, supply, 100_00)
    request_id = new_id()
    first = close(scene, supply, approver=scene.bram, request_id=request_id)

    assert close(scene, supply, approver=scene.bram, request_id=request_id) == first
    other = make_supply(scene, 2)
    with pytest.raises(RequestReused):
        close(scene, other, approver=scene.bram, request_id=request_id)
    assert SalesDocument.objects.filter(kind="SETTLEMENT").count() == 1


def test_nobody_is_paid_for_more_than_was_bought(scene, supply):
    buy(scene, supply, 100_00)

    with pytest.raises(InvalidValue, match="ever bought"):
        settle(scene, supply, 5_001)


def test_more_than_purchases_less_use_needs_a_second_person(scene, supply):
    """5 kWh bought, 4 used by the register: 1 can be left, and a kWh of reading between two displays."""
    buy(scene, supply, 100_00)

    with pytest.raises(ApprovalMissing, match="less use"):
        settle(scene, supply, 2_001, register_wh=4_000)
    assert settle(scene, supply, 2_000, register_wh=4_000).number


def test_a_high_payout_needs_a_second_person(scene, supply):
    buy(scene, supply, 100_00)
    UtilitySettings.objects.update(reversal_approval_minor=50_00)

    with pytest.raises(ApprovalMissing, match="one person"):
        settle(scene, supply, 2_501)
    document = settle(scene, supply, 2_501, approver=scene.bram)
    assert json.loads(document.payload)["approver"] == scene.bram.name


def test_a_payout_is_in_whole_coins_for_the_customer(scene, supply):
    buy(scene, supply, 100_00)
    UtilitySettings.objects.update(cash_rounding_minor=100)
    document = settle(scene, supply, 2_010)

    # 2.01 kWh cost 40.20; the drawer pays 41.00 and rounding bears the rest.
    assert json.loads(document.payload)["due_minor"] == 41_00
    assert (balance_of("4900"), is_balanced()) == (80, True)


def test_energy_of_a_cheque_is_not_paid_out_before_the_bank_has_it(scene, supply):
    buy(scene, supply, 100_00, "CHEQUE")

    with pytest.raises(NotSettleable, match="not at the bank"):
        settle(scene, supply, 2_000)


def test_a_frozen_debt_is_decided_before_the_account_ends(scene, supply):
    buy(scene, supply, 100_00)
    terms = DebtTerms(DebtKind.CONNECTION, "Connection", RecoveryMode.FIXED, fixed_minor=10_00)
    debt = add_debt(account_id=supply.account_id, principal_minor=70_00, terms=terms, actor=scene.bram, at=MORNING)
    set_frozen(debt_id=debt.pk, frozen=True, actor=scene.bram, at=MORNING)

    with pytest.raises(NotSettleable, match="frozen"):
        settle(scene, supply, 2_000)


def test_a_settlement_is_in_the_totals_of_its_day(scene, supply):
    buy(scene, supply, 100_00)
    settle(scene, supply, 2_000)
    cash = ShiftTender.objects.get(shift=scene.shift, kind="CASH")
    count_shift(
        request_id=new_id(),
        shift_id=scene.shift.pk,
        denominations={100: 5_060},
        note="",
        actor=scene.asha,
        at=MORNING,
    )
    sign_shift(shift_id=scene.shift.pk, note="", actor=scene.bram, at=MORNING)
    day = scene.shift.business_day
    closed = close_day(request_id=new_id(), bureau_id=scene.bureau.pk, day=day, actor=scene.bram, at=MORNING)

    total = DayTotal.objects.get(day_close=closed, kind="CASH")
    assert total.sold_minor - total.reversed_minor - total.settled_out_minor == cash.sold_minor - cash.reversed_minor
    live = day_balance(BalanceConditions(day, day), unit_path=scene.bureau.path)
    assert (live.settled.count, live.settled.out_minor, live.net_minor) == (1, 40_00, 60_00)
    assert verify(export_lines()).broken is None


def test_what_was_paid_on_energy_comes_back_with_it():
    """A levy per kWh wholly, a tax as far as its bases are energy, a tax on charges not at all."""
    made = make_scene(document=LEVIED, code="LEVIED")
    made.asha = replace(made.asha, permissions=made.asha.permissions | {"account.close"})
    supply = make_supply(made)
    buy(made, supply, 100_00)
    document = json.loads(SalesDocument.objects.get(kind="VEND").payload)
    energy_wh = document["energy_wh"]
    paid = {line["code"]: line["amount_minor"] for line in document["lines"]}
    settlement = settlement_of(supply.pk, energy_wh, 0)

    back = dict(settlement.by_account)
    assert back["2200.fund"] == paid["fund"]
    assert back["2100.stamp"] == 0
    share = Fraction(paid["energy"], paid["energy"] + paid["service"])
    assert back["2100.vat"] == int(paid["vat"] * share)


def test_wrong_password_cancels_nothing(scene, supply):
    with pytest.raises(Refusal, match="not the password"):
        close(scene, supply, password="guess", password_waived=False)
    assert CustomerAgreement.objects.get().status == "ACTIVE"
