"""A cheque is in one place at a time: in hand, at the bank, given back or owed by the customer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.customers.models import CustomerAccount
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.vending.models import SalesDocument, Vend
from gridtill.apps.vending.operations.cheques import ChequeRefused, bounce_cheque
from gridtill.apps.vending.operations.closing import BankingRefused, Slip, bank_shifts, confirm_arrival
from gridtill.apps.vending.operations.reverse import ReversalCase, ReversalRefused, reverse_vend
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.ids import new_id
from tests.factories.sales import end_shift, sell
from tests.factories.scene import MORNING, make_scene, make_supply, second_till

pytestmark = pytest.mark.django_db
NEXT_DAY = MORNING + timedelta(days=1)
PLACES = ("1120", "1300", "1310")


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def vend(scene):
    return sell(scene, make_supply(scene).pk, 40_00, "CHEQUE", "000123")


def where():
    return tuple(balance_of(code) for code in PLACES)


def bank(scene):
    return bank_shifts(
        request_id=new_id(), shift_ids=[scene.shift.pk], slip=Slip("Harbour", "77-1"), actor=scene.bram, at=MORNING
    )


def bounce(scene, vend, reason="no funds"):
    return bounce_cheque(request_id=new_id(), vend_id=vend.pk, reason=reason, actor=scene.bram, at=NEXT_DAY)


def take_back_next_day(scene, vend):
    shift, actor = second_till(scene, at=NEXT_DAY)
    case = ReversalCase(vend.pk, shift.pk, "wrong customer")
    reverse_vend(request_id=new_id(), case=case, actor=actor, at=NEXT_DAY, approver=scene.bram)
    return shift, actor


def test_a_cheque_goes_from_the_hand_to_the_bank(scene, vend):
    assert where() == (40_00, 0, 0)
    end_shift(scene, 5_000_00)
    batch = bank(scene)
    assert where() == (0, 40_00, 0)
    confirm_arrival(batch_id=batch.pk, actor=scene.bram, at=NEXT_DAY)
    assert where() == (0, 0, 40_00)


@pytest.mark.parametrize("stage", ["in hand", "sent", "arrived"])
def test_a_returned_cheque_leaves_the_place_it_was_in(scene, vend, stage):
    end_shift(scene, 5_000_00)
    if stage != "in hand":
        batch = bank(scene)
        if stage == "arrived":
            confirm_arrival(batch_id=batch.pk, actor=scene.bram, at=NEXT_DAY)

    bounce(scene, vend)

    assert where() == (0, 0, 0)
    assert AuxiliaryAgreement.objects.get().remaining_minor == 40_00
    assert is_balanced()


def test_a_cheque_that_came_back_on_the_way_does_not_arrive(scene, vend):
    """The batch says 40.00 still, and the bank has nothing of it."""
    end_shift(scene, 5_000_00)
    batch = bank(scene)
    bounce(scene, vend)
    confirm_arrival(batch_id=batch.pk, actor=scene.bram, at=NEXT_DAY)

    assert (where(), is_balanced()) == ((0, 0, 0), True)


def test_a_cheque_of_a_closed_account_is_owed_by_it(scene, vend):
    end_shift(scene, 5_000_00)
    confirm_arrival(batch_id=bank(scene).pk, actor=scene.bram, at=NEXT_DAY)
    CustomerAccount.objects.update(closed_at=NEXT_DAY)

    bounce(scene, vend)

    assert (where(), balance_of("1400"), is_balanced()) == ((0, 0, 0), 40_00, True)
    assert not AuxiliaryAgreement.objects.exists()


def test_a_cheque_that_came_back_is_not_banked(scene, vend):
    end_shift(scene, 5_000_00)
    bounce(scene, vend)

    with pytest.raises(BankingRefused, match="nothing to bank"):
        bank(scene)
    assert where() == (0, 0, 0)


def test_a_cheque_given_back_a_day_later_is_not_banked_by_either_shift(scene, vend):
    """The reversal is in the second shift's figures, and the cheque was in the first one's."""
    end_shift(scene, 5_000_00)
    take_back_next_day(scene, vend)

    with pytest.raises(BankingRefused, match="nothing to bank"):
        bank(scene)
    assert (where(), is_balanced()) == ((0, 0, 0), True)


def test_a_cheque_at_the_bank_is_not_given_back(scene, vend):
    end_shift(scene, 5_000_00)
    bank(scene)

    with pytest.raises(ReversalRefused, match="went to the bank"):
        take_back_next_day(scene, vend)
    assert Vend.objects.get().state == "SOLD"
    assert where() == (0, 40_00, 0)


def test_a_cheque_comes_back_once_and_with_a_reason(scene, vend):
    with pytest.raises(InvalidValue, match="reason"):
        bounce(scene, vend, reason=" ")
    request_id = new_id()
    again = {"request_id": request_id, "vend_id": vend.pk, "reason": "no funds", "actor": scene.bram, "at": MORNING}

    assert bounce_cheque(**again) == bounce_cheque(**again)
    with pytest.raises(ChequeRefused, match="already"):
        bounce(scene, vend)
    assert SalesDocument.objects.filter(kind="CHEQUE_BOUNCED").count() == 1
    assert AuxiliaryAgreement.objects.count() == 1


def test_a_cheque_given_back_cannot_come_back(scene, vend):
    take_back_next_day(scene, vend)

    with pytest.raises(ChequeRefused, match="taken back"):
        bounce(scene, vend)


def test_cash_is_no_cheque(scene):
    vend = sell(scene, make_supply(scene, 2).pk, 40_00)

    with pytest.raises(ChequeRefused, match="not paid by cheque"):
        bounce(scene, vend)
