from dataclasses import replace

import pytest

from gridtill.apps.ledger.queries import balance_of
from gridtill.apps.vending.models import BankingBatch
from gridtill.kernel.ids import new_id
from tests.factories.sales import end_shift, sell
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
SLIP = {"bank": "Harbour Bank", "slip_number": "77-1"}


@pytest.fixture
def banker(scene, enter):
    sell(scene, make_supply(scene).pk, 100_00)
    sell(scene, make_supply(scene, 2).pk, 40_00, "CHEQUE", "000123")
    end_shift(scene, 5_100_00)
    return enter(replace(scene.bram, permissions=frozenset({"shift.banking"})))


def form(scene, **changes):
    return {"request_id": str(new_id()), "shift": scene.shift.pk, **SLIP} | changes


def test_takings_are_cash_above_the_float_and_cheques(scene, banker):
    page = banker.get("/banking/").content.decode()

    assert "Till 1 / 1" in page
    assert ">100.00<" in page
    assert ">40.00<" in page


def test_batch_is_on_its_way_and_then_arrives(scene, banker):
    banker.post("/banking/", form(scene))
    batch = BankingBatch.objects.get()
    assert (batch.amount_minor, batch.state, balance_of("1300")) == (140_00, "IN_TRANSIT", 140_00)
    assert "Nothing to bank" in banker.get("/banking/").content.decode()

    banker.post(f"/banking/{batch.pk}/arrived/")

    batch.refresh_from_db()
    assert (batch.state, balance_of("1300"), balance_of("1310")) == ("ARRIVED", 0, 140_00)
    assert "already" in banker.post(f"/banking/{batch.pk}/arrived/", follow=True).content.decode()


@pytest.mark.parametrize(
    "wrong", [{"bank": ""}, {"slip_number": " "}, {"shift": ""}, {"shift": "9"}, {"request_id": "x"}]
)
def test_wrong_batch_is_refused_and_keeps_what_was_typed(scene, banker, wrong):
    answer = banker.post("/banking/", form(scene, **wrong))

    assert answer.status_code == 422
    assert not BankingBatch.objects.exists()
    assert ('value="77-1"' in answer.content.decode()) == ("slip_number" not in wrong)


def test_banking_ends_at_the_own_unit(scene, enter, banker):
    banker.post("/banking/", form(scene))
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    far = enter(actor_for(make_operator("zola", "Zola Far", office), frozenset({"shift.banking"})))
    batch = BankingBatch.objects.get()

    assert batch.number not in far.get("/banking/").content.decode()
    assert far.post(f"/banking/{batch.pk}/arrived/").status_code == 404
    assert enter(replace(scene.bram, permissions=frozenset())).get("/banking/").status_code == 403
