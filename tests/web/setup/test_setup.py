from dataclasses import replace

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.vending.models import CashierShift, PointOfSale, Till
from gridtill.apps.vending.queries.tills import free_tills
from tests.factories.scene import actor_for, make_operator, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
KEY = "00112233445566778899aabbccddeeff00112233"


@pytest.fixture
def admin(scene, enter):
    return enter(replace(scene.bram, permissions=frozenset({"settings.edit", "keys.edit"})))


@pytest.fixture
def far(scene, enter):
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    return enter(actor_for(make_operator("zola", "Zola Far", office), frozenset({"settings.edit"})))


def test_hall_gets_a_till_that_a_cashier_can_open(scene, admin):
    admin.post("/halls/add/", {"code": "H2", "name": "Ridge Hall", "unit": scene.office.pk})
    hall = PointOfSale.objects.get(code="H2")
    admin.post(f"/halls/{hall.pk}/add-till/", {"code": "R1", "name": "Ridge till 1"})

    assert [till.code for till in free_tills(unit_path=scene.bureau.path)] == ["R1"]
    assert "Ridge till 1" in admin.get("/halls/").content.decode()


@pytest.mark.parametrize("wrong", [{"code": "H1"}, {"code": "H 2!"}, {"name": " "}, {"unit": "9999"}])
def test_wrong_hall_answers_beside_its_field(scene, admin, wrong):
    form = {"code": "H2", "name": "Ridge Hall", "unit": scene.office.pk} | wrong

    assert admin.post("/halls/add/", form).status_code == 422
    assert PointOfSale.objects.count() == 1


def test_code_of_a_till_is_used_once(scene, admin):
    answer = admin.post(f"/halls/{scene.till.point_of_sale_id}/add-till/", {"code": "T01", "name": "Again"})

    assert (answer.status_code, Till.objects.count()) == (422, 1)


def test_till_and_hall_go_out_of_use_only_without_an_open_shift(scene, admin):
    till, hall = f"/halls/tills/{scene.till.pk}/modify/", f"/halls/{scene.till.point_of_sale_id}/modify/"
    assert admin.post(till, {"name": "Till 1"}).status_code == 422
    assert admin.post(hall, {"name": "Harbour Hall"}).status_code == 422
    CashierShift.objects.update(state="CLOSED")
    assert free_tills(unit_path=scene.bureau.path).count() == 1

    admin.post(till, {"name": "Till one"})
    scene.till.refresh_from_db()
    assert (scene.till.name, scene.till.is_active, free_tills(unit_path=scene.bureau.path).count()) == (
        "Till one",
        False,
        0,
    )
    admin.post(till, {"name": "Till one", "is_active": "on"})
    admin.post(hall, {"name": "Closed hall"})
    assert free_tills(unit_path=scene.bureau.path).count() == 0
    assert AuditRecord.objects.filter(action__in=["vending.till.modified", "vending.hall.modified"]).count() == 3


def test_halls_of_another_unit_are_not_found(scene, far):
    assert "Harbour Hall" not in far.get("/halls/").content.decode()
    assert far.get(f"/halls/{scene.till.point_of_sale_id}/modify/").status_code == 404
    assert far.get(f"/halls/{scene.till.point_of_sale_id}/add-till/").status_code == 404
    assert far.get(f"/halls/tills/{scene.till.pk}/modify/").status_code == 404
    assert far.get("/keys/").status_code == 403
