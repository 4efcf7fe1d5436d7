"""Opening and cancelling accounts: what is paid out, once, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.operations import DebtTerms, add_debt
from gridtill.apps.customers.models import CustomerAgreement, MeterInstallation
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.vending.models import AccountStanding, CashierShift, Delivery, SalesDocument, ShiftTender
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.standing import NotSettleable, settle_account, settlement_of
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.usecases.close_account import Closing, close_account
from tests.factories.scene import MORNING, make_scene, make_supply

pytestmark = pytest.mark.django_db


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


def settle(scene, supply, remaining_wh, request_id=None):
    return settle_account(
        request_id=request_id or new_id(),
        agreement_id=supply.pk,
        shift_id=scene.shift.pk,
        remaining_wh=remaining_wh,
        reason="moves away",
        actor=scene.asha,
        at=MORNING,
    )


def close(scene, supply, **changes):
    values = {
        "agreement_id": supply.pk,
        "usage_point_id": supply.usage_point_id,
        "shift_id": scene.shift.pk,
        "remaining_wh": 2_000,
        "register_wh": 9_000,
        "password": "",
        "reason": "password forgotten",
        "password_waived": True,
    } | changes
    return close_account(request_id=new_id(), closing=Closing(**values), actor=scene.bram_at_till, at=MORNING)


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


def test_waived_password_needs_a_supervisor_and_a_reason(scene, supply):
    CashierShift.objects.update(cashier_id=scene.bram.id)
    scene.bram_at_till = scene.bram
    buy_nothing = AccountStanding.objects.get(agreement=supply).total_minor
    with pytest.raises(InvalidValue, match="reason"):
        close(scene, supply, reason=" ")
    number = close(scene, supply)

    assert buy_nothing == 0
    assert (CustomerAgreement.objects.get().status, number.startswith("T01-")) == ("CLOSED", True)
    assert MeterInstallation.objects.get().removed_register_wh == 9_000


def test_wrong_password_cancels_nothing(scene, supply):
    scene.bram_at_till = scene.asha
    with pytest.raises(Refusal, match="not the password"):
        close(scene, supply, password="guess", password_waived=False)
    assert CustomerAgreement.objects.get().status == "ACTIVE"
