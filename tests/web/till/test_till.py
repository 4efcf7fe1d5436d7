from dataclasses import replace

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.ledger.queries import balance_of
from gridtill.apps.vending.models import CashierShift, CashMovement
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.scene import actor_for, make_operator, make_supply, second_till

pytestmark = [pytest.mark.web, pytest.mark.django_db]


def request_id():
    return str(new_id())


def sell(scene, minor=100_00):
    supply = make_supply(scene)
    order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow("CASH", minor, minor),))
    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=now())


def test_count_is_blind_before_it_and_over_or_short_after_it(scene, enter):
    sell(scene)
    desk = enter(scene.asha)
    page = desk.get("/till/").content.decode()
    assert "5,100.00" not in page
    assert "100.00" not in page.replace("5,000.00", "")
    assert "1 sale" in page

    answer = desk.post("/till/count/", {"request_id": request_id(), "face-1000": "5", "face-50": "1"}, follow=True)

    assert "the difference was noted" in answer.content.decode()
    shift = CashierShift.objects.get()
    assert (shift.state, shift.counted_minor, shift.expected_minor) == ("COUNTED", 5_050_00, 5_100_00)
    assert balance_of("5000") == 50_00


def test_difference_needs_a_word_from_somebody_before_it_is_signed(scene, enter):
    enter(scene.asha).post("/till/count/", {"request_id": request_id(), "face-1000": "4"})
    boss = enter(scene.bram)
    refused = boss.post(f"/till/sign/{scene.shift.pk}/", {"note": ""})
    signed = boss.post(f"/till/sign/{scene.shift.pk}/", {"note": "one note missing, searched twice"}, follow=True)

    assert (refused.status_code, "count differs" in refused.content.decode()) == (422, True)
    assert "The shift is closed" in signed.content.decode()
    assert CashierShift.objects.get().state == "CLOSED"


def test_shift_opens_with_its_float_and_leads_to_the_counter(scene, enter):
    shift, _actor = second_till(scene)
    CashierShift.objects.filter(pk=shift.pk).update(state="CLOSED")
    boss = enter(scene.bram)
    page = boss.get("/till/").content.decode()
    answer = boss.post("/till/open/", {"request_id": request_id(), "till": shift.till_id, "float": "1000.50"})

    assert "Till T02" in page
    assert answer["Location"] == "/counter/"
    assert CashierShift.objects.get(cashier_id=scene.bram.id).float_minor == 1_000_50


@pytest.mark.parametrize("wrong", [{"till": "x"}, {"float": "-1"}, {"float": "many"}, {"request_id": "x"}])
def test_wrong_opening_is_refused_and_opens_nothing(scene, enter, wrong):
    shift, _actor = second_till(scene)
    CashierShift.objects.filter(pk=shift.pk).update(state="CLOSED")
    good = {"request_id": request_id(), "till": shift.till_id, "float": "0"}

    assert enter(scene.bram).post("/till/open/", good | wrong).status_code == 422
    assert not CashierShift.objects.filter(cashier_id=scene.bram.id).exists()


def test_drop_moves_cash_once_however_often_it_is_pressed(scene, enter):
    desk = enter(scene.asha)
    drop = {"request_id": request_id(), "amount": "1000"}
    desk.post("/till/drop/", drop)
    desk.post("/till/drop/", drop)

    assert [movement.amount_minor for movement in CashMovement.objects.all()] == [1_000_00]
    assert desk.post("/till/drop/", {"request_id": request_id(), "amount": "9000"}).status_code == 422


@pytest.mark.parametrize("wrong", [{"face-1000": "x"}, {"face-1000": "-1"}, {"coins": "x"}, {"face-5": "9999999"}])
def test_wrong_count_is_refused_and_leaves_the_shift_open(scene, enter, wrong):
    answer = enter(scene.asha).post("/till/count/", {"request_id": request_id(), **wrong})

    assert (answer.status_code, CashierShift.objects.get().state) == (422, "OPEN")


def test_smaller_coins_count_as_an_amount(scene, enter):
    enter(scene.asha).post("/till/count/", {"request_id": request_id(), "face-1000": "5", "coins": "0.75"})

    assert CashierShift.objects.get().counted_minor == 5_000_75


def test_nobody_signs_their_own_shift_nor_without_the_right(scene, enter):
    enter(scene.asha).post("/till/count/", {"request_id": request_id(), "face-1000": "5"})
    own = enter(replace(scene.asha, permissions=scene.asha.permissions | {"shift.sign"}))

    assert own.post(f"/till/sign/{scene.shift.pk}/").status_code == 422
    assert CashierShift.objects.get().state == "COUNTED"


def test_page_without_work_says_so(scene, enter):
    CashierShift.objects.update(state="CLOSED")
    reader = enter(replace(scene.bram, permissions=frozenset({"shift.sign"})))

    assert "Nothing to do here" in reader.get("/till/").content.decode()
    assert enter(replace(scene.bram, permissions=frozenset())).get("/till/").status_code == 403


def test_a_supervisor_counts_for_a_cashier_who_is_away_and_another_signs(scene, enter):
    """Otherwise a cashier who falls ill keeps the whole bureau from closing its day."""
    page = enter(scene.bram)
    assert "Count for them" in page.get("/till/").content.decode()
    address = f"/till/count/{scene.shift.pk}/"
    form = {"request_id": str(new_id()), "face-1000": "5"}

    assert page.post(address, form).status_code == 422
    assert CashierShift.objects.get().state == "OPEN"
    page.post(address, form | {"note": "fell ill"})

    shift = CashierShift.objects.get()
    assert (shift.state, shift.counted_minor, shift.counted_by_id) == ("COUNTED", 5_000_00, scene.bram.id)
    refused = page.post(f"/till/sign/{shift.pk}/", {"note": ""})
    assert "Nobody signs what they counted themselves" in refused.content.decode()
    other = actor_for(make_operator("cara", "Cara", scene.bureau), scene.bram.permissions)
    enter(other).post(f"/till/sign/{shift.pk}/", {"note": ""})
    assert CashierShift.objects.get().state == "CLOSED"


def test_who_counts_for_others_needs_the_right(scene, enter):
    assert enter(scene.asha).get(f"/till/count/{scene.shift.pk}/").status_code == 403
    assert enter(scene.bram).get("/till/count/999999/").status_code == 404


def test_a_try_to_move_more_than_the_drawer_holds_is_on_record(scene, enter):
    page = enter(scene.asha)

    assert page.post("/till/drop/", {"request_id": str(new_id()), "amount": "5000.01"}).status_code == 422

    record = AuditRecord.objects.get(action="vending.shift.drop_refused")
    assert record.after == {"amount_minor": 5_000_01}


def test_an_old_page_does_not_move_the_money_twice_nor_another_sum(scene, enter):
    page, request_id = enter(scene.asha), str(new_id())
    page.post("/till/drop/", {"request_id": request_id, "amount": "1"})

    assert page.post("/till/drop/", {"request_id": request_id, "amount": "4000"}).status_code == 422
    assert balance_of("1000.T01") == 4_999_00
