from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.assets.models import Collector, DataConcentrator, Meter
from gridtill.apps.audit.models import AuditRecord
from gridtill.kernel.clock import now
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit, meter_number

pytestmark = [pytest.mark.web, pytest.mark.django_db]
VIEW = frozenset({"assets.view"})
EDIT = VIEW | {"assets.edit", "audit.view"}


@pytest.fixture
def clerk(scene, enter):
    return enter(replace(scene.bram, permissions=EDIT))


@pytest.fixture
def elsewhere(scene, enter):
    other = make_unit("SUPPLY_OFFICE", "S2", scene.bureau)
    return enter(actor_for(make_operator("chep", "Chep", other), EDIT))


def stocked(scene, serial, model=Meter, **values):
    number = {"number": meter_number(serial)} if model is Meter else {}
    fields = {"asset_number": f"M{serial:06d}", "store": scene.office, "maker": "Acme"} | number | values
    return model.objects.create(**fields)


def meter_fields(scene, **changes):
    return {
        "version": "0",
        "asset_number": "M000900",
        "number": meter_number(900),
        "store": str(scene.office.pk),
        "maker": "Acme",
        "purchase_date": "2026-11-01",
        "phase_configuration": "1P2W",
        "payment_mode": "PREPAID",
        "token_carrier": "KEYPAD",
        "credit_unit": "ENERGY",
        "credit_maximum_wh": "500.5",
        "ct_ratio": "1",
        "pt_ratio": "1",
        "tariff_index": "01",
        "key_revision": "1",
        "key_type": "2",
        "key_expiry": "255",
        "base_date": "2014",
        "encryption_algorithm": "11",
    } | changes


def queries_of(client, url):
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    ("slug", "model"), [("meters", Meter), ("concentrators", DataConcentrator), ("collectors", Collector)]
)
def test_list_costs_the_same_for_one_and_three_rows(scene, clerk, slug, model):
    concentrator = stocked(scene, 50, DataConcentrator)
    under = {"concentrator": concentrator} if model is Collector else {}
    stocked(scene, 1, model, **under)
    one = queries_of(clerk, f"/assets/{slug}/")
    for serial in (2, 3):
        stocked(scene, serial, model, **under)

    assert queries_of(clerk, f"/assets/{slug}/") == one
    page = clerk.get(f"/assets/{slug}/").content.decode()
    assert all(f"M{serial:06d}" in page for serial in (1, 2, 3))


def test_menu_entry_leads_to_the_meters(clerk):
    assert clerk.get("/assets/")["Location"] == "/assets/meters/"


@pytest.mark.parametrize("path", ["", "add/", "1/", "1/edit/", "1/move/", "1/delete/"])
def test_pages_need_the_right(scene, enter, path):
    meter = stocked(scene, 1)

    assert enter(scene.asha).get(f"/assets/meters/{path.replace('1', str(meter.pk))}").status_code == 403


@pytest.mark.parametrize("path", ["add/", "edit/", "move/", "delete/"])
def test_somebody_who_only_looks_may_not_change(scene, enter, path):
    meter = stocked(scene, 1)
    viewer = enter(replace(scene.bram, permissions=VIEW))
    before = path if path == "add/" else f"{meter.pk}/{path}"

    assert viewer.get(f"/assets/meters/{before}").status_code == 403
    page = viewer.get(f"/assets/meters/{meter.pk}/").content.decode()
    assert "/edit/" not in page
    assert "/add/" not in viewer.get("/assets/meters/").content.decode()


@pytest.mark.parametrize("path", ["", "edit/", "move/", "delete/"])
def test_asset_of_another_office_is_not_found(scene, elsewhere, path):
    meter = stocked(scene, 1)

    assert elsewhere.get(f"/assets/meters/{meter.pk}/{path}").status_code == 404
    assert "M000001" not in elsewhere.get("/assets/meters/").content.decode()


def test_unknown_kind_is_not_found(clerk):
    assert clerk.get("/assets/cars/").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=M000002", [2]),
        ("q=m000002", [2]),
        (f"q={meter_number(3)[:4]} {meter_number(3)[4:]}", [3]),
        ("status=FAULTY", [2]),
        ("maker=zen", [3]),
        ("q=nothing", []),
    ],
)
def test_list_is_searched_and_filtered(scene, clerk, query, found):
    stocked(scene, 1)
    stocked(scene, 2, status="FAULTY")
    stocked(scene, 3, maker="Zenith")

    page = clerk.get(f"/assets/meters/?{query}").content.decode()
    assert [serial for serial in (1, 2, 3) if f">M{serial:06d}<" in page] == found


def test_store_stands_for_itself_and_all_below_it(scene, clerk):
    other = make_unit("SUPPLY_OFFICE", "S2", scene.bureau)
    stocked(scene, 1)
    stocked(scene, 2, store=other)

    one = clerk.get(f"/assets/meters/?store={other.pk}").content.decode()
    both = clerk.get(f"/assets/meters/?store={scene.bureau.pk}").content.decode()
    assert ">M000001<" not in one
    assert ">M000002<" in one
    assert ">M000001<" in both
    assert ">M000002<" in both


def test_columns_are_picked_and_the_list_is_exported(scene, clerk):
    stocked(scene, 1, credit_maximum_wh=500_500)
    clerk.get("/assets/meters/?pick=1&columns=number&columns=credit_maximum_wh")

    answer = clerk.get("/assets/meters/?export=csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines == ['Asset,Meter number,"Most credit, kWh"', f"M000001,{meter_number(1)},500.5"]
    book = clerk.get("/assets/meters/?export=xlsx")
    assert b"".join(book.streaming_content)[:2] == b"PK"
    book.close()


def test_meter_is_registered_with_its_fields(scene, clerk):
    answer = clerk.post("/assets/meters/add/", meter_fields(scene))
    meter = Meter.objects.get()

    assert answer["Location"] == f"/assets/meters/{meter.pk}/"
    assert (meter.number, meter.store, meter.status) == (meter_number(900), scene.office, "IN_STORE")
    assert (meter.credit_maximum_wh, meter.purchase_date.isoformat()) == (500_500, "2026-11-01")
    page = clerk.get(answer["Location"]).content.decode()
    assert "500.5 kWh" in page
    assert "Meter: registered" in page


def test_every_wrong_field_is_told_beside_it(scene, clerk):
    wrong = meter_fields(scene, number="37000000001", ct_ratio="0", credit_maximum_wh="much", supply_group_code="12")
    answer = clerk.post("/assets/meters/add/", wrong)

    errors = answer.context["form"].errors
    assert answer.status_code == 422
    assert set(errors) == {"number", "ct_ratio", "credit_maximum_wh", "supply_group_code"}
    assert errors["supply_group_code"] == ["This must be 6 digits. Correct it."]
    assert not Meter.objects.exists()


def test_number_that_is_taken_is_told_beside_it(scene, clerk):
    stocked(scene, 900)
    answer = clerk.post("/assets/meters/add/", meter_fields(scene))

    assert answer.status_code == 422
    assert "There is a meter with the number M000900 already." in answer.context["form"].errors["asset_number"][0]


def test_store_of_another_bureau_is_no_choice(scene, clerk):
    answer = clerk.post("/assets/meters/add/", meter_fields(scene, store=str(scene.utility.pk)))

    assert answer.status_code == 422
    assert "store" in answer.context["form"].errors


def test_meter_is_modified(scene, clerk):
    meter = stocked(scene, 900, credit_maximum_wh=500_500)
    form = clerk.get(f"/assets/meters/{meter.pk}/edit/").content.decode()
    answer = clerk.post(f"/assets/meters/{meter.pk}/edit/", meter_fields(scene, maker="Zenith", credit_maximum_wh=""))
    meter.refresh_from_db()

    assert 'value="500.5"' in form
    assert answer["Location"] == f"/assets/meters/{meter.pk}/"
    assert (meter.maker, meter.credit_maximum_wh, meter.version) == ("Zenith", None, 1)
    page = clerk.get(answer["Location"]).content.decode()
    assert "Maker: Acme → Zenith" in page
    assert f"/log/{AuditRecord.objects.latest('pk').pk}/" in page


def test_somebody_elses_change_is_not_overwritten(scene, clerk):
    meter = stocked(scene, 900, version=3, maker="Zenith")
    answer = clerk.post(f"/assets/meters/{meter.pk}/edit/", meter_fields(scene))
    meter.refresh_from_db()

    assert answer.status_code == 409
    assert "changed by somebody else" in answer.content.decode()
    assert meter.maker == "Zenith"


def test_collector_is_put_under_a_concentrator_and_taken_off(scene, clerk):
    concentrator = stocked(scene, 50, DataConcentrator)
    fields = {"version": "0", "asset_number": "K1", "store": str(scene.office.pk), "concentrator": "M000050"}
    made = clerk.post("/assets/collectors/add/", fields | {"channels": "8"})
    collector = Collector.objects.get()
    shown = clerk.get(made["Location"]).content.decode()
    above = clerk.get(f"/assets/concentrators/{concentrator.pk}/").content.decode()
    form = clerk.get(f"/assets/collectors/{collector.pk}/edit/").content.decode()
    clerk.post(f"/assets/collectors/{collector.pk}/edit/", fields | {"concentrator": ""})

    assert collector.concentrator == concentrator
    assert f"/assets/concentrators/{concentrator.pk}/" in shown
    assert f"/assets/collectors/{collector.pk}/" in above
    assert 'value="M000050"' in form
    collector.refresh_from_db()
    assert collector.concentrator is None


def test_collector_under_an_unknown_concentrator_is_refused(scene, clerk):
    answer = clerk.post(
        "/assets/collectors/add/",
        {"version": "0", "asset_number": "K1", "store": str(scene.office.pk), "concentrator": "nowhere"},
    )

    assert answer.status_code == 422
    assert "no such concentrator" in answer.context["form"].errors["concentrator"][0]


def test_state_and_store_are_changed_with_a_reason(scene, clerk):
    other = make_unit("SUPPLY_OFFICE", "S2", scene.bureau)
    meter = stocked(scene, 1)
    form = clerk.get(f"/assets/meters/{meter.pk}/move/").context["form"]
    answer = clerk.post(
        f"/assets/meters/{meter.pk}/move/", {"new_status": "FAULTY", "store": other.pk, "reason": "Display is dead"}
    )
    meter.refresh_from_db()

    assert [code for code, _words in form.fields["new_status"].choices] == [
        "",
        "FAULTY",
        "LOST",
        "SCRAPPED",
        "IN_STORE",
    ]
    assert answer["Location"] == f"/assets/meters/{meter.pk}/"
    assert (meter.status, meter.store) == ("FAULTY", other)
    page = clerk.get(answer["Location"]).content.decode()
    assert "Display is dead" in page
    assert f"{scene.office.name} → {other.name}" in page


def test_change_without_a_reason_is_refused(scene, clerk):
    meter = stocked(scene, 1)
    answer = clerk.post(f"/assets/meters/{meter.pk}/move/", {"new_status": "LOST", "store": scene.office.pk})

    assert answer.status_code == 422
    assert "reason" in answer.context["form"].errors
    assert Meter.objects.get().status == "IN_STORE"


def test_change_to_the_state_it_has_is_refused(scene, clerk):
    meter = stocked(scene, 1)
    answer = clerk.post(
        f"/assets/meters/{meter.pk}/move/", {"new_status": "IN_STORE", "store": scene.office.pk, "reason": "?"}
    )

    assert answer.status_code == 422


def test_installed_meter_is_moved_at_its_point_only(scene, clerk):
    meter = make_supply(scene, 1, at=now()).usage_point.installations.get().meter
    page = clerk.get(f"/assets/meters/{meter.pk}/").content.decode()
    answer = clerk.post(
        f"/assets/meters/{meter.pk}/move/", {"new_status": "INSTALLED", "store": scene.bureau.pk, "reason": "Moved"}
    )

    assert "/move/" not in page
    assert "Customer 1" in page
    assert "P000001" in page
    assert answer.status_code == 422
    assert "through its metering point" in answer.content.decode()


def test_installed_concentrator_may_be_removed(scene, clerk):
    device = stocked(scene, 1, DataConcentrator, status="INSTALLED")
    clerk.post(
        f"/assets/concentrators/{device.pk}/move/",
        {"new_status": "REMOVED", "store": scene.office.pk, "reason": "Replaced"},
    )
    device.refresh_from_db()

    assert device.status == "REMOVED"


def test_asset_in_store_is_deleted_with_a_reason(scene, clerk):
    meter = stocked(scene, 1)
    asked = clerk.get(f"/assets/meters/{meter.pk}/delete/").content.decode()
    answer = clerk.post(f"/assets/meters/{meter.pk}/delete/", {"reason": "Typed twice"})

    assert "Delete M000001?" in asked
    assert answer["Location"] == "/assets/meters/"
    assert not Meter.objects.exists()
    assert AuditRecord.objects.latest("pk").reason == "Typed twice"


def test_used_asset_is_not_deleted(scene, clerk):
    concentrator = stocked(scene, 50, DataConcentrator)
    stocked(scene, 1, Collector, concentrator=concentrator)
    answer = clerk.post(f"/assets/concentrators/{concentrator.pk}/delete/", {"reason": "Gone"})

    assert answer.status_code == 422
    assert "Other records refer to this concentrator" in answer.content.decode()
    assert DataConcentrator.objects.exists()


def test_history_costs_the_same_for_one_and_three_writes(scene, clerk):
    meter = stocked(scene, 1)
    url = f"/assets/meters/{meter.pk}/"
    other = make_unit("SUPPLY_OFFICE", "S2", scene.bureau)

    def moved(status, store):
        clerk.post(f"{url}move/", {"new_status": status, "store": store.pk, "reason": "Stock check"})

    moved("FAULTY", other)
    one = queries_of(clerk, url)
    moved("IN_STORE", scene.office)
    moved("LOST", other)

    assert queries_of(clerk, url) == one
    lines = b"".join(clerk.get(f"{url}?export=csv").streaming_content).decode()
    assert lines.count("Stock check") == 3


def test_history_hides_the_log_from_those_who_may_not_read_it(scene, enter, clerk):
    meter = stocked(scene, 1)
    clerk.post(f"/assets/meters/{meter.pk}/edit/", meter_fields(scene, number=meter_number(1)))
    page = enter(replace(scene.bram, permissions=VIEW)).get(f"/assets/meters/{meter.pk}/").content.decode()

    assert "Bought on" in page
    assert "/log/" not in page
