"""Taking purchases back: what returns to what it was, and what stands in the way."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.arrears.operations import DebtTerms, add_debt
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.staff.models import Operator
from gridtill.apps.vending.models import (
    AccountStanding,
    CashierShift,
    DayClose,
    Delivery,
    SalesDocument,
    ShiftTender,
    Vend,
    VendReversal,
)
from gridtill.apps.vending.operations.closing import DayNotClosable, close_day
from gridtill.apps.vending.operations.documents import RequestReused
from gridtill.apps.vending.operations.reverse import (
    ApprovalNeeded,
    DeliveryNotRecallable,
    ReversalCase,
    ReversalRefused,
    decide_reversal,
    modify_vend,
    request_reversal,
    reverse_vend,
)
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.shifts import count_shift, open_shift, sign_shift
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.operations.tills import Naming, add_point_of_sale, add_till
from gridtill.apps.vending.queries.journal import export_lines
from gridtill.kernel.actors import SYSTEM, NotAllowed
from gridtill.kernel.chain import verify
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.ids import new_id
from tests.factories.scene import (
    MORNING,
    actor_for,
    make_operator,
    make_scene,
    make_supply,
    make_unit,
    second_till,
)

pytestmark = pytest.mark.django_db
NEXT_DAY = MORNING + timedelta(days=1)


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def supply(scene):
    return make_supply(scene)


def sell(scene, supply, minor=100_00, kind="CASH", at=MORNING):
    reference = "" if kind == "CASH" else "R1"
    order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow(kind, minor, minor, reference),))
    return Vend.objects.get(pk=sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=at))


def reverse(scene, vend, *, approver=None, at=MORNING, shift=None, actor=None, request_id=None):
    case = ReversalCase(vend.pk, (shift or scene.shift).pk, "wrong customer")
    return reverse_vend(
        request_id=request_id or new_id(), case=case, actor=actor or scene.asha, at=at, approver=approver
    )


def standing_of(supply):
    row = AccountStanding.objects.get(agreement=supply)
    return row.months_wh, row.year_wh, row.carry_minor, row.charged_through, row.total_wh, row.total_minor


def test_everything_is_as_before_and_the_books_are_level(scene, supply):
    sell(scene, supply, 33_00)
    before = standing_of(supply)
    books = {code: balance_of(code) for code in ("1000.T01", "4000.residential", "2000")}
    reverse(scene, sell(scene, supply, 77_77))

    assert standing_of(supply) == before
    assert {code: balance_of(code) for code in books} == books
    assert is_balanced()
    tender = ShiftTender.objects.get(shift=scene.shift, kind="CASH")
    assert (tender.reversed_count, tender.reversed_minor) == (1, 77_77)


def test_same_request_takes_back_once(scene, supply):
    vend, request_id = sell(scene, supply), new_id()
    first = reverse(scene, vend, request_id=request_id)

    assert reverse(scene, vend, request_id=request_id) == first
    assert VendReversal.objects.count() == 1


def test_what_a_debt_got_is_given_back(scene, supply):
    terms = DebtTerms(DebtKind.CONNECTION, "Connection", RecoveryMode.FIXED, fixed_minor=40_00)
    add_debt(account_id=supply.account_id, principal_minor=40_00, terms=terms, actor=scene.bram, at=MORNING)
    vend = sell(scene, supply)
    assert AuxiliaryAgreement.objects.get().status == "PAID"
    reverse(scene, vend)

    debt = AuxiliaryAgreement.objects.get()
    assert (debt.status, debt.remaining_minor, balance_of("1400")) == ("OPEN", 40_00, 40_00)


def test_only_the_last_purchase_and_only_once(scene, supply):
    first, last = sell(scene, supply), sell(scene, supply)
    with pytest.raises(ReversalRefused, match="Only the last purchase"):
        reverse(scene, first)
    reverse(scene, last)
    with pytest.raises(ReversalRefused, match="taken back already"):
        reverse(scene, last)
    reverse(scene, first)

    assert set(Vend.objects.values_list("state", flat=True)) == {"REVERSED"}


@pytest.mark.parametrize("state", ["LOADED", "UNKNOWN", "DISPATCHED"])
def test_credit_that_may_be_in_the_meter_stays_sold(scene, supply, state):
    vend = sell(scene, supply)
    Delivery.objects.update(state=state)

    with pytest.raises(DeliveryNotRecallable):
        reverse(scene, vend, approver=scene.bram)
    assert Vend.objects.get().state == "SOLD"


def test_another_day_needs_a_second_person_and_says_it_was_late(scene, supply):
    vend = sell(scene, supply)
    shift, actor = second_till(scene, at=NEXT_DAY)
    CashierShift.objects.filter(pk=shift.pk).update(float_minor=100_00)
    with pytest.raises(ApprovalNeeded, match="another day"):
        reverse(scene, vend, at=NEXT_DAY, shift=shift, actor=actor)
    done = reverse(scene, vend, at=NEXT_DAY, shift=shift, actor=actor, approver=scene.bram)

    assert (done.is_late, done.approved_by_id, done.till.code) == (True, scene.bram.id, "T02")
    # The money goes out of the drawer that pays it, not the one that took it.
    assert (balance_of("1000.T01"), balance_of("1000.T02"), is_balanced()) == (5_100_00, -100_00, True)


def test_drawer_without_the_cash_returns_none(scene, supply):
    vend = sell(scene, supply)
    shift, actor = second_till(scene)

    with pytest.raises(ReversalRefused, match="does not hold that much"):
        reverse(scene, vend, shift=shift, actor=actor)
    assert (Vend.objects.get().state, balance_of("1000.T02")) == ("SOLD", 0)


def test_nobody_approves_their_own_and_strangers_do_not_either(scene, supply):
    vend = sell(scene, supply)
    Delivery.objects.update(revealed_at=MORNING)
    with pytest.raises(NotAllowed):
        reverse(scene, vend, approver=scene.asha)
    with pytest.raises(ReversalRefused, match="own reversal"):
        reverse_vend(
            request_id=new_id(),
            case=ReversalCase(vend.pk, _shift_of(scene, scene.bram).pk, "wrong"),
            actor=scene.bram,
            at=MORNING,
            approver=scene.bram,
        )


def _shift_of(scene, actor):
    scene.shift.cashier_id = actor.id
    scene.shift.save()
    return scene.shift


def test_reason_is_needed_and_a_till(scene, supply):
    vend = sell(scene, supply)
    with pytest.raises(InvalidValue, match="reason"):
        reverse_vend(request_id=new_id(), case=ReversalCase(vend.pk, scene.shift.pk, " "), actor=scene.asha, at=MORNING)
    with pytest.raises(ReversalRefused, match="till is closed"):
        reverse(scene, vend, actor=scene.bram)


def test_wish_is_asked_once_and_decided_once(scene, supply):
    vend, request_id = sell(scene, supply), new_id()
    wish = request_reversal(request_id=request_id, vend_id=vend.pk, reason="wrong", actor=scene.asha, at=MORNING)
    assert (
        request_reversal(request_id=request_id, vend_id=vend.pk, reason="wrong", actor=scene.asha, at=MORNING) == wish
    )
    with pytest.raises(ReversalRefused, match="Somebody asked"):
        request_reversal(request_id=new_id(), vend_id=vend.pk, reason="wrong", actor=scene.asha, at=MORNING)

    def decide(actor, *, approve):
        return decide_reversal(
            wish_id=wish.pk, approve=approve, note="seen", requester=scene.asha, actor=actor, at=MORNING
        )

    assert decide(scene.bram, approve=True).state == "DONE"
    with pytest.raises(ReversalRefused, match="decided already"):
        decide(scene.bram, approve=False)
    assert Vend.objects.get().state == "REVERSED"


def test_modifying_undoes_both_when_the_second_is_refused(scene, supply):
    vend = sell(scene, supply)
    wrong = SaleOrder(supply.pk, scene.shift.pk, (TenderRow("MOBILE_MONEY", 50_00, 50_00, ""),))
    with pytest.raises(Exception, match="reference"):
        modify_vend(
            reversal_id=new_id(),
            case=ReversalCase(vend.pk, scene.shift.pk, "typed wrong"),
            request_id=new_id(),
            order=wrong,
            actor=scene.asha,
            at=MORNING,
        )

    assert (Vend.objects.get().state, VendReversal.objects.count(), is_balanced()) == ("SOLD", 0, True)


def end(scene, shift, actor, counted_minor, at):
    count_shift(
        request_id=new_id(),
        shift_id=shift.pk,
        denominations={100: counted_minor // 100},
        note="",
        actor=actor,
        at=at,
    )
    sign_shift(shift_id=shift.pk, note="looked", actor=scene.bram, at=at)


def close(scene, day, at, request_id=None):
    return close_day(request_id=request_id or new_id(), bureau_id=scene.bureau.pk, day=day, actor=scene.bram, at=at)


def test_closed_days_cover_every_document_once_and_late_ones_are_named(scene, supply):
    vend = sell(scene, supply)
    end(scene, scene.shift, scene.asha, 5_100_00, MORNING)
    first = close(scene, scene.shift.business_day, MORNING)
    shift, actor = second_till(scene, at=NEXT_DAY)
    CashierShift.objects.filter(pk=shift.pk).update(float_minor=100_00)
    reverse(scene, vend, at=NEXT_DAY, shift=shift, actor=actor, approver=scene.bram)
    end(scene, shift, actor, 0, NEXT_DAY)
    second = close(scene, shift.business_day, NEXT_DAY)

    heads = [json.loads(row.payload)["heads"] for row in (first, second)]
    covered = sum(head["last"] - head["first"] + 1 for each in heads for head in each.values())
    assert covered == SalesDocument.objects.count()
    assert json.loads(second.payload)["totals"]["T02"]["reversed_minor"] == 100_00
    assert second.previous_hash == first.hash
    verdict = verify(export_lines())
    assert (verdict.broken, verdict.seals) == (None, 2)


def test_day_is_closed_once_in_order_and_not_ahead(scene, supply):
    end(scene, scene.shift, scene.asha, 5_000_00, MORNING)
    day, request_id = scene.shift.business_day, new_id()
    with pytest.raises(DayNotClosable, match="not begun"):
        close(scene, day + timedelta(days=1), MORNING)
    done = close(scene, day, MORNING, request_id)

    assert close(scene, day, MORNING, request_id) == done
    for again in (day, day - timedelta(days=1)):
        with pytest.raises(DayNotClosable, match="closed up to"):
            close(scene, again, NEXT_DAY)
    assert DayClose.objects.count() == 1


def test_a_request_does_not_stand_for_another_purchase(scene, supply):
    first, second = sell(scene, make_supply(scene, 2)), sell(scene, supply)
    request_id = new_id()
    reverse(scene, first, request_id=request_id)

    with pytest.raises(RequestReused):
        reverse(scene, second, request_id=request_id)
    assert Vend.objects.get(pk=second.pk).state == "SOLD"


def test_a_till_of_another_bureau_pays_nothing_back(scene, supply):
    """Each bureau closes its own days; a reversal in another one's chain would be in neither's."""
    vend = sell(scene, supply)
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    hall = add_point_of_sale(naming=Naming("H9", "Hill"), unit_id=office.pk, address="", actor=SYSTEM, at=MORNING)
    till = add_till(naming=Naming("T09", "Till 9"), point_of_sale_id=hall.pk, actor=SYSTEM, at=MORNING)
    wide = actor_for(make_operator("wide", "Wide", scene.utility), scene.bram.permissions)
    shift = open_shift(request_id=new_id(), till_id=till.pk, float_minor=500_00, actor=wide, at=MORNING)

    with pytest.raises(ReversalRefused, match="another bureau"):
        reverse(scene, vend, shift=shift, actor=wide)
    assert Vend.objects.get().state == "SOLD"


def test_a_day_with_sales_is_not_skipped(scene, supply):
    """A later day closed by mistake would swallow it, and it could never be closed as itself."""
    sell(scene, supply)
    end(scene, scene.shift, scene.asha, 5_100_00, MORNING)
    day = scene.shift.business_day

    with pytest.raises(DayNotClosable, match=f"{day.isoformat()} was not closed yet"):
        close(scene, day + timedelta(days=1), NEXT_DAY)
    close(scene, day, NEXT_DAY)
    assert close(scene, day + timedelta(days=1), NEXT_DAY).number == 2


def test_a_cashier_who_was_kept_out_pays_nothing_back(scene, supply):
    vend = sell(scene, supply)
    wish = request_reversal(request_id=new_id(), vend_id=vend.pk, reason="typed wrong", actor=scene.asha, at=MORNING)
    Operator.objects.filter(pk=scene.asha.id).update(is_active=False)

    with pytest.raises(ReversalRefused, match="no open till"):
        decide_reversal(wish_id=wish.pk, approve=True, note="", requester=scene.asha, actor=scene.bram, at=MORNING)
    assert Vend.objects.get().state == "SOLD"


def test_a_wish_is_overtaken_when_the_purchase_is_taken_back_otherwise(scene, supply):
    vend = sell(scene, supply)
    wish = request_reversal(request_id=new_id(), vend_id=vend.pk, reason="typed wrong", actor=scene.asha, at=MORNING)
    reverse(scene, vend)

    wish.refresh_from_db()
    assert (wish.state, wish.note) == ("DECLINED", "The purchase was taken back otherwise.")
