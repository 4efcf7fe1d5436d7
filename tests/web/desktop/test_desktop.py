import json
import re
from dataclasses import replace

import pytest

from gridtill.apps.vending.operations.reverse import request_reversal
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.sales import sell
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]


def test_figures_chart_and_table_say_the_same(scene, enter):
    sell(scene, make_supply(scene).pk, 100_00)
    page = enter(scene.bram).get("/").content.decode()

    assert "KES\N{NO-BREAK SPACE}100.00" in page
    chart = json.loads(re.search(r'data-chart="([^"]+)"', page).group(1).replace("&quot;", '"'))
    assert (chart["unit"], chart["series"][0]["data"][-1], len(chart["x"])) == ("KES", 100, 14)


@pytest.mark.parametrize(("kind", "unit", "last"), [("energy", "kWh", 5), ("count", "", 1), ("nonsense", "KES", 100)])
def test_tabs_show_their_own_chart(scene, enter, kind, unit, last):
    sell(scene, make_supply(scene).pk, 100_00)
    part = enter(scene.bram).get("/", {"show": kind}, headers={"HX-Request": "true"}).content.decode()
    chart = json.loads(re.search(r'data-chart="([^"]+)"', part).group(1).replace("&quot;", '"'))

    assert (chart["unit"], chart["series"][0]["data"][-1]) == (unit, last)
    assert "<html" not in part


def test_alerts_lead_to_where_they_are_settled_and_stay_within_the_unit(scene, enter):
    vend = sell(scene, make_supply(scene).pk)
    request_reversal(request_id=new_id(), vend_id=vend.pk, reason="wrong", actor=scene.asha, at=now())
    page = enter(scene.bram).get("/").content.decode()
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    far = enter(actor_for(make_operator("zola", "Zola Far", office), scene.bram.permissions)).get("/").content.decode()

    assert "1 paid purchase without a token" in page
    assert 'href="/purchases/?delivery=OPEN"' in page
    assert "1 recovery waits for approval" in page
    assert "Alerts, 2 open" in page
    assert "paid purchase without" not in far


def test_who_sees_no_sales_sees_no_figures(scene, enter):
    sell(scene, make_supply(scene).pk, 100_00)
    keeper = enter(replace(scene.bram, permissions=frozenset({"assets.view"})))

    for page in (keeper.get("/"), keeper.get("/", {"show": "money"}, headers={"HX-Request": "true"})):
        assert "100.00" not in page.content.decode()
        assert "data-chart" not in page.content.decode()
