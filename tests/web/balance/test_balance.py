import csv
import io
from dataclasses import replace

import pytest

from gridtill.apps.vending.models import DayClose
from gridtill.kernel.ids import new_id
from tests.factories.sales import end_shift, sell, take_back
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]


@pytest.fixture
def reader(scene, enter):
    return enter(replace(scene.bram, permissions=frozenset({"reports.view", "day.close", "vend.view"})))


def close(reader, scene, **changes):
    form = {"request_id": str(new_id()), "bureau": scene.bureau.pk, "day": scene.shift.business_day.isoformat()}
    return reader.post("/balance/close/", form | changes)


def test_balance_sums_by_till_and_way_and_leads_to_the_purchases(scene, reader):
    supply = make_supply(scene)
    sell(scene, supply.pk, 100_00)
    gone = sell(scene, supply.pk, 60_00, "MOBILE_MONEY", "QX1")
    take_back(scene, gone)
    page = reader.get("/balance/").content.decode()

    assert all(f"KES\N{NO-BREAK SPACE}{money}" in page for money in ("160.00", "60.00", "100.00"))
    assert "Mobile money" in page
    assert f"till={scene.till.pk}&amp;kind=CASH" in page


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [({"kind": "MOBILE_MONEY"}, 60), ({"till": "T"}, 160), ({"cashier": "A"}, 160), ({"office": "O"}, 160)],
)
def test_conditions_narrow_the_sums(scene, reader, conditions, taken):
    supply = make_supply(scene)
    sell(scene, supply.pk, 100_00)
    sell(scene, supply.pk, 60_00, "MOBILE_MONEY", "QX1")
    ids = {"T": scene.till.pk, "A": scene.asha.id, "O": scene.office.pk}
    page = reader.get("/balance/", {name: ids.get(value, value) for name, value in conditions.items()})

    assert f'<p class="kpi-v"><bdi class="money">KES\N{NO-BREAK SPACE}{taken}.00' in page.content.decode()


def test_balance_of_another_unit_is_empty(scene, enter):
    sell(scene, make_supply(scene).pk)
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    far = enter(actor_for(make_operator("zola", "Zola Far", office), frozenset({"reports.view"})))
    page = far.get("/balance/").content.decode()

    assert "Nothing was sold under these conditions" in page
    assert "Till 1" not in page


@pytest.mark.parametrize(
    "wrong",
    [{"first": "x"}, {"first": "2026-02-02", "last": "2026-01-01"}, {"first": "2020-01-01", "last": "2026-01-01"}],
)
def test_wrong_days_answer_beside_their_field(scene, reader, wrong):
    answer = reader.get("/balance/", wrong)

    assert (answer.status_code, 'class="err"' in answer.content.decode()) == (422, True)


def test_exports_hold_the_rows(scene, reader):
    sell(scene, make_supply(scene).pk)
    text = b"".join(reader.get("/balance/", {"export": "csv"}).streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert [(row["Till"], row["Paid by"], row["Sold"], row["Net"]) for row in rows] == [
        ("Till 1", "Cash", "100.00", "100.00")
    ]
    assert reader.get("/balance/", {"export": "xlsx"}).getvalue()[:2] == b"PK"


def test_open_shift_stands_in_the_way_of_closing(scene, reader):
    answer = close(reader, scene)

    assert answer.status_code == 422
    assert "Till 1 (Asha Mwangi)" in answer.content.decode()
    assert not DayClose.objects.exists()


def test_closed_day_is_a_numbered_page_and_cannot_be_closed_again(scene, reader):
    sell(scene, make_supply(scene).pk)
    end_shift(scene, 5_100_00)
    answer = close(reader, scene)
    page = reader.get(answer["Location"]).content.decode()
    done = DayClose.objects.get()

    assert (done.number, done.hash in page, "KES\N{NO-BREAK SPACE}100.00" in page) == (1, True, True)
    assert close(reader, scene).status_code == 422
    assert f"/balance/closed/{done.pk}/" in reader.get("/balance/").content.decode()


@pytest.mark.parametrize("wrong", [{"day": "x"}, {"bureau": "0"}, {"request_id": "x"}, {"day": "2030-01-01"}])
def test_wrong_close_is_refused(scene, reader, wrong):
    end_shift(scene, 5_000_00)

    assert close(reader, scene, **wrong).status_code == 422
    assert not DayClose.objects.exists()


def test_closed_day_of_another_bureau_is_not_found(scene, enter, reader):
    end_shift(scene, 5_000_00)
    address = close(reader, scene)["Location"]
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    far = enter(actor_for(make_operator("zola", "Zola Far", office), frozenset({"reports.view"})))

    assert far.get(address).status_code == 404
    assert far.post("/balance/close/").status_code == 403


def test_a_cashier_counts_blind(scene, enter):
    sell(scene, make_supply(scene).pk, 123_00)
    cashier = enter(replace(scene.asha, permissions=frozenset({"reports.view", "vend.sell", "vend.view"})))

    for page in (cashier.get("/balance/"), cashier.get("/balance/?export=csv"), cashier.get("/")):
        assert b"123.00" not in page.content
    assert "Count your drawer first" in cashier.get("/balance/").content.decode()
    assert b"123.00" in enter(scene.bram).get("/balance/").content
