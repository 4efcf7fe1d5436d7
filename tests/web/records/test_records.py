import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.vending.models import Vend
from gridtill.kernel.clock import now
from tests.factories.sales import sell, take_back
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]


@pytest.fixture
def reader(scene, enter):
    return enter(replace(scene.bram, permissions=frozenset({"vend.view"})))


def shown(reader, **conditions):
    page = reader.get("/purchases/", conditions).content.decode()
    return {number for number in Vend.objects.values_list("number", flat=True) if number in page}


def test_records_are_found_by_number_customer_meter_and_reference(scene, reader):
    first = sell(scene, make_supply(scene, 1).pk, kind="MOBILE_MONEY", reference="QX77")
    second = sell(scene, make_supply(scene, 2).pk)

    assert shown(reader) == {first.number, second.number}
    assert shown(reader, q=second.number) == {second.number}
    assert shown(reader, q="C000002") == {second.number}
    assert shown(reader, q=second.meter.number) == {second.number}
    assert shown(reader, q="QX77") == {first.number}
    assert shown(reader, q="nothing") == set()


def test_conditions_narrow_rows_and_totals(scene, reader):
    supply = make_supply(scene)
    kept, gone = sell(scene, supply.pk, 100_00), sell(scene, supply.pk, 60_00)
    take_back(scene, gone)
    yesterday = (kept.business_day - timedelta(days=1)).isoformat()
    page = reader.get("/purchases/").content.decode()

    assert "KES\N{NO-BREAK SPACE}160.00" in page
    assert "KES\N{NO-BREAK SPACE}60.00" in page
    assert shown(reader, state="REVERSED") == {gone.number}
    assert shown(reader, kind="CHEQUE") == set()
    assert shown(reader, first=yesterday, last=yesterday) == set()
    assert shown(reader, till=scene.till.pk, cashier=scene.asha.id, office=scene.office.pk) == {
        kept.number,
        gone.number,
    }
    assert shown(reader, delivery="OPEN") == {kept.number}
    assert shown(reader, delivery="CANCELLED", first=yesterday) == {gone.number}


def test_old_purchases_are_not_added_up_unasked(scene, reader):
    vend = sell(scene, make_supply(scene).pk)
    Vend.objects.update(business_day=now().date() - timedelta(days=60))

    assert shown(reader) == set()
    assert shown(reader, q=vend.number) == {vend.number}
    assert shown(reader, delivery="PENDING") == {vend.number}


def test_till_of_somewhere_else_is_no_condition(scene, reader):
    sell(scene, make_supply(scene).pk)

    assert shown(reader, till=999_999) == set()


def test_records_of_another_unit_stay_hidden(scene, enter):
    sell(scene, make_supply(scene).pk)
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    far = enter(actor_for(make_operator("zola", "Zola Far", office), frozenset({"vend.view"})))

    assert shown(far) == set()
    assert "Nothing matches these filters" in far.get("/purchases/").content.decode()


def test_who_may_not_see_purchases_gets_no_page(scene, enter):
    assert enter(replace(scene.bram, permissions=frozenset({"assets.view"}))).get("/purchases/").status_code == 403


def test_page_asks_as_often_for_three_rows_as_for_one(scene, reader):
    supply = make_supply(scene)
    counts = []
    sell(scene, supply.pk)
    reader.get("/purchases/")  # The first request also opens the session.
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            reader.get("/purchases/")
        counts.append(len(queries))
        sell(scene, supply.pk)
        sell(scene, supply.pk)

    assert counts == [17, 17]


def test_export_holds_the_amounts_as_numbers(scene, reader):
    vend = sell(scene, make_supply(scene).pk)
    answer = reader.get("/purchases/", {"export": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))

    assert [(row["Receipt"], row["Paid"], row["kWh"], row["Paid by"]) for row in rows] == [
        (vend.number, "100.00", "5", "Cash")
    ]
    assert reader.get("/purchases/", {"export": "xlsx"}).getvalue()[:2] == b"PK"


def test_filter_that_nobody_touched_narrows_nothing(scene, reader):
    sell(scene, make_supply(scene).pk)
    form = reader.get("/purchases/").context["list"].filterset.form

    for name in ("office", "till", "cashier"):
        assert next(iter(form.fields[name].choices))[0] == ""
    sent = dict.fromkeys(form.fields, "")
    assert len(reader.get("/purchases/", sent).context["list"].table.rows) == 1
