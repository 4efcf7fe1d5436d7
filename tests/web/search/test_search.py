"""The box at the top of every page finds what one may see, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories.sales import sell
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit, meter_number

pytestmark = [pytest.mark.web, pytest.mark.django_db]


def found(page):
    return [hit.name for _label, hits in page.context["groups"] for hit in hits]


@pytest.fixture
def vend(scene):
    make_supply(scene, 2)
    return sell(scene, make_supply(scene).pk)


def test_customers_meters_and_receipts_are_found(scene, enter, vend):
    desk = enter(scene.bram)

    assert found(desk.get("/search/", {"q": "Customer"})) == ["Customer 1", "Customer 2"]
    assert sorted(found(desk.get("/search/", {"q": "3700000"}))) == [meter_number(1), meter_number(2)]
    assert found(desk.get("/search/", {"q": vend.number})) == ["Customer 1", vend.number]
    assert found(desk.get("/search/", {"q": "nobody"})) == []
    assert 'action="/search/"' in desk.get("/").content.decode()


def test_one_match_opens_at_once(scene, enter, vend):
    seller = enter(replace(scene.asha, permissions=frozenset({"vend.sell"})))
    clerk = enter(replace(scene.bram, permissions=frozenset({"archives.view"})))

    customer = vend.customer_id
    assert seller.get("/search/", {"q": "C000001"}).url == f"/counter/?customer={customer}"
    assert clerk.get("/search/", {"q": "C000001"}).url == f"/archives/customers/{customer}/"


def test_only_what_one_may_see_is_found(scene, enter, vend):
    keeper = enter(replace(scene.bram, permissions=frozenset({"assets.view"})))
    assert found(keeper.get("/search/", {"q": "Customer"})) == []
    assert keeper.get("/search/", {"q": meter_number(1)}).url.startswith("/assets/meters/")

    nobody = enter(replace(scene.asha, permissions=frozenset({"notice.edit"})))
    assert nobody.get("/search/", {"q": "Customer"}).status_code == 403
    assert "gsearch" not in nobody.get("/").content.decode()


def test_other_units_stay_unseen(scene, enter, vend):
    office = make_unit("SUPPLY_OFFICE", "S9", scene.bureau)
    far = enter(actor_for(make_operator("zola", "Zola Far", office), scene.bram.permissions))

    for text in ("Customer", "C000001", meter_number(1), vend.number):
        assert found(far.get("/search/", {"q": text})) == []
