from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.customers.models import Customer, CustomerAgreement, UsagePoint
from gridtill.apps.network.models import Feeder, Transformer
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.vending.rules import NotSellable
from tests.factories.sales import sell
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit, meter_number

pytestmark = [pytest.mark.web, pytest.mark.django_db]
RIGHTS = frozenset({"archives.view", "archives.edit", "bureau.edit"})


@pytest.fixture
def clerk(scene, enter):
    return enter(replace(scene.bram, permissions=RIGHTS))


@pytest.fixture
def far(scene, enter):
    """A clerk of another bureau."""
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    return enter(actor_for(make_operator("zola", "Zola Far", office), RIGHTS))


def text_of(answer):
    return answer.content.decode()


def test_archives_begin_at_the_own_unit_and_open_its_tree(scene, clerk):
    first = clerk.get("/archives/")
    page = text_of(clerk.get(first["Location"]))

    assert first["Location"] == f"/archives/unit/{scene.bureau.pk}/"
    assert f'data-lazy="/archives/branch/{scene.office.pk}/"' in page
    assert scene.utility.name not in page.split('role="tree"')[1].split("</ul>")[0]


def test_branch_is_fetched_when_it_is_opened(scene, clerk):
    branch = text_of(clerk.get(f"/archives/branch/{scene.office.pk}/"))

    assert "TX-1 Mission Street" in branch
    assert "<html" not in branch


def test_transformer_lists_its_customers(scene, clerk):
    make_supply(scene, 1)
    page = text_of(clerk.get(f"/archives/transformer/{scene.transformer.pk}/"))

    assert "Customer 1" in page
    assert meter_number(1) in page
    assert f'data-node="transformer-{scene.transformer.pk}"' in page


def test_lists_ask_as_often_for_three_customers_as_for_one(scene, clerk):
    make_supply(scene, 1)
    for address in ("/archives/customers/", f"/archives/transformer/{scene.transformer.pk}/"):
        clerk.get(address)
        counts = []
        for serial in (2, 3) if "customers" in address else (4, 5):
            with CaptureQueriesContext(connection) as queries:
                clerk.get(address)
            counts.append(len(queries))
            make_supply(scene, serial)
        assert counts[0] == counts[1]


def test_customers_are_found_by_number_meter_and_name(scene, clerk):
    make_supply(scene, 1)
    make_supply(scene, 2)

    for wanted in ("C000002", meter_number(2), "Customer 2"):
        page = text_of(clerk.get("/archives/customers/", {"q": wanted}))
        assert ("Customer 2" in page, "Customer 1" in page) == (True, False)
    assert "Nothing matches" in text_of(clerk.get("/archives/customers/", {"status": "CANCELLED"}))


def test_everything_of_another_unit_is_not_found(scene, far):
    agreement = make_supply(scene)
    customer, point = agreement.usage_point.customer_id, agreement.usage_point_id
    pages = [
        f"/archives/unit/{scene.office.pk}/",
        f"/archives/branch/{scene.office.pk}/",
        f"/archives/transformer/{scene.transformer.pk}/",
        f"/archives/transformer/{scene.transformer.pk}/modify/",
        f"/archives/transformer/{scene.transformer.pk}/add-customer/",
        f"/archives/customers/{customer}/",
        f"/archives/customers/{customer}/modify/",
        f"/archives/points/{point}/modify/",
        f"/archives/points/{point}/pause/",
    ]

    assert {far.get(page).status_code for page in pages} == {404}
    assert "Customer 1" not in text_of(far.get("/archives/customers/"))


def test_who_only_reads_changes_nothing(scene, enter):
    make_supply(scene)
    reader = enter(replace(scene.bram, permissions=frozenset({"archives.view"})))

    assert reader.get(f"/archives/transformer/{scene.transformer.pk}/").status_code == 200
    assert reader.post(f"/archives/transformer/{scene.transformer.pk}/delete/").status_code == 403
    assert reader.get(f"/archives/unit/{scene.bureau.pk}/add-office/").status_code == 403
    assert enter(replace(scene.bram, permissions=frozenset())).get("/archives/").status_code == 403


def test_supply_office_is_added_modified_and_deleted(scene, clerk):
    added = clerk.post(f"/archives/unit/{scene.bureau.pk}/add-office/", {"code": "S2", "name": "Ridge", "version": 0})
    office = OrganizationUnit.objects.get(code="S2")
    clerk.post(f"/archives/unit/{office.pk}/modify/", {"name": "Ridge 33/11 kV", "phone": "0700", "version": 0})
    stale = clerk.post(f"/archives/unit/{office.pk}/modify/", {"name": "Other", "version": 0})
    office.refresh_from_db()

    assert added["Location"] == f"/archives/unit/{scene.bureau.pk}/"
    assert (office.name, office.phone, office.version) == ("Ridge 33/11 kV", "0700", 1)
    assert stale.status_code == 409
    clerk.post(f"/archives/unit/{office.pk}/delete/")
    assert not OrganizationUnit.objects.filter(code="S2").exists()


def test_unit_with_something_below_stays_and_names_what_stands_in_the_way(scene, clerk):
    page = text_of(clerk.post(f"/archives/unit/{scene.office.pk}/delete/", follow=True))

    assert "1 transformer (TX-1 Mission Street)" in page
    assert "Nothing was deleted" in page
    assert OrganizationUnit.objects.filter(pk=scene.office.pk).exists()


def test_bureau_is_never_deleted_nor_added(scene, clerk):
    page = text_of(clerk.post(f"/archives/unit/{scene.bureau.pk}/delete/", follow=True))

    assert "Only a supply office can be deleted" in page
    assert clerk.get(f"/archives/unit/{scene.office.pk}/add-office/").status_code == 404


@pytest.mark.parametrize("wrong", [{"code": ""}, {"code": "S1"}, {"name": " "}, {"supply_group_code": "12"}])
def test_wrong_supply_office_answers_beside_its_field(scene, clerk, wrong):
    form = {"code": "S2", "name": "Ridge", "version": 0} | wrong
    answer = clerk.post(f"/archives/unit/{scene.bureau.pk}/add-office/", form)

    assert answer.status_code == 422
    assert not OrganizationUnit.objects.filter(code="S2").exists()


def transformer_form(**changes):
    return {"code": "TX-2", "name": "Palm Avenue", "kind": "PUBLIC", "status": "IN_SERVICE", "version": 0} | changes


def test_feeder_and_transformer_hang_together_and_apart(scene, clerk):
    office = f"/archives/unit/{scene.office.pk}/"
    clerk.post(f"{office}add-feeder/", {"code": "F1", "name": "East", "status": "IN_SERVICE", "version": 0})
    feeder = Feeder.objects.get()
    clerk.post(f"{office}add-transformer/", transformer_form(feeder_id=feeder.pk, capacity_kva=160))
    transformer = Transformer.objects.get(code="TX-2")
    page = text_of(clerk.get(f"/archives/feeder/{feeder.pk}/"))
    kept = text_of(clerk.post(f"/archives/feeder/{feeder.pk}/delete/", follow=True))
    clerk.post(f"/archives/transformer/{transformer.pk}/modify/", transformer_form(name="Palm Square"))
    clerk.post(
        f"/archives/feeder/{feeder.pk}/modify/", {"code": "F1", "name": "West", "status": "PLANNED", "version": 0}
    )
    transformer.refresh_from_db()
    feeder.refresh_from_db()

    assert "TX-2 Palm Avenue" in page
    assert "1 transformer (TX-2 Palm Avenue) hangs on it" in kept
    assert (transformer.name, transformer.feeder_id, feeder.name) == ("Palm Square", None, "West")
    clerk.post(f"/archives/feeder/{feeder.pk}/delete/")
    clerk.post(f"/archives/transformer/{transformer.pk}/delete/")
    assert (Feeder.objects.count(), Transformer.objects.count()) == (0, 1)


@pytest.mark.parametrize(
    "wrong", [{"code": "TX-1"}, {"code": " "}, {"capacity_kva": "0"}, {"kind": "X"}, {"feeder_id": "99"}, {"name": ""}]
)
def test_wrong_transformer_is_refused(scene, clerk, wrong):
    answer = clerk.post(f"/archives/unit/{scene.office.pk}/add-transformer/", transformer_form(**wrong))

    assert (answer.status_code, Transformer.objects.count()) == (422, 1)


def test_stale_transformer_is_a_conflict(scene, clerk):
    answer = clerk.post(f"/archives/transformer/{scene.transformer.pk}/modify/", transformer_form(version=5))

    assert answer.status_code == 409


def new_customer(scene, clerk, **changes):
    form = {"name": "Akua Mensa", "phone": "+254 700 1", "customer_class": "RESIDENTIAL"} | changes
    return clerk.post(f"/archives/transformer/{scene.transformer.pk}/add-customer/", form)


def test_customer_gets_a_point_and_a_meter_and_can_be_opened(scene, clerk):
    answer = new_customer(scene, clerk)
    customer = Customer.objects.get()
    clerk.post(
        f"/archives/customers/{customer.pk}/add-point/",
        {"name": "House", "structure_id": scene.structure.pk, "purchase_mode": "KEYPAD"},
    )
    point = UsagePoint.objects.get()
    Meter.objects.create(asset_number="M1", number=meter_number(1), store=scene.office, supply_group_code="201457")
    wrong = clerk.post(f"/archives/points/{point.pk}/install/", {"meter_number": "1", "register": "0"})
    clerk.post(f"/archives/points/{point.pk}/install/", {"meter_number": meter_number(1), "register": "12.5"})
    page = text_of(clerk.get(f"/archives/customers/{customer.pk}/"))

    assert answer["Location"] == f"/archives/customers/{customer.pk}/"
    assert (wrong.status_code, point.installations.get().installed_register_wh) == (422, 12_500)
    assert meter_number(1) in page
    clerk.post(f"/archives/points/{point.pk}/remove/", {"register": "13"})
    assert point.installations.get().removed_register_wh == 13_000


@pytest.mark.parametrize("wrong", [{"name": ""}, {"phone": "call me"}, {"customer_class": "X"}, {"number": "C000009"}])
def test_wrong_customer_is_refused(scene, clerk, wrong):
    make_supply(scene, 9)

    assert new_customer(scene, clerk, **wrong).status_code == 422
    assert Customer.objects.count() == 1


def customer_form(**changes):
    return {
        "name": "Akua Mensah",
        "customer_class": "COMMERCIAL",
        "language": "en",
        "notice_channel": "NONE",
        "version": 0,
    } | changes


def test_customer_is_modified_with_before_and_after(scene, clerk):
    customer = make_supply(scene).usage_point.customer
    clerk.post(f"/archives/customers/{customer.pk}/modify/", customer_form(email="akua@example.org"))
    stale = clerk.post(f"/archives/customers/{customer.pk}/modify/", customer_form())
    wrong = clerk.post(f"/archives/customers/{customer.pk}/modify/", customer_form(version=1, phone="x"))
    customer.refresh_from_db()
    record = AuditRecord.objects.get(action="customers.customer.modified")

    assert (customer.name, customer.customer_class, customer.email) == ("Akua Mensah", "COMMERCIAL", "akua@example.org")
    assert (record.before["name"], record.after["name"]) == ("Customer 1", "Akua Mensah")
    assert (stale.status_code, wrong.status_code) == (409, 422)


def test_only_new_customers_without_points_are_deleted(scene, clerk):
    opened = make_supply(scene).usage_point.customer
    new_customer(scene, clerk)
    new = Customer.objects.get(name="Akua Mensa")
    refused = text_of(clerk.post(f"/archives/customers/{opened.pk}/delete/", follow=True))
    clerk.post(f"/archives/customers/{new.pk}/add-point/", point_new(scene))
    in_the_way = text_of(clerk.post(f"/archives/customers/{new.pk}/delete/", follow=True))
    clerk.post(f"/archives/points/{UsagePoint.objects.get(customer=new).pk}/delete/")
    clerk.post(f"/archives/customers/{new.pk}/delete/")

    assert "Only a newly installed customer can be deleted" in refused
    assert "usage point" in in_the_way
    assert list(Customer.objects.values_list("pk", flat=True)) == [opened.pk]


def point_new(scene, **changes):
    return {"name": "House", "structure_id": scene.structure.pk, "purchase_mode": "KEYPAD"} | changes


def test_point_in_use_is_not_deleted(scene, clerk):
    point = make_supply(scene).usage_point
    page = text_of(clerk.post(f"/archives/points/{point.pk}/delete/", follow=True))

    assert "This metering point is in use" in page
    assert UsagePoint.objects.exists()


def point_form(scene, **changes):
    return {
        "name": "Shop",
        "structure_id": scene.structure.pk,
        "property": "SETTLEMENT",
        "kind": "CUSTOMER",
        "voltage_kv": "0.4",
        "phase_configuration": "3P4W",
        "measuring_mode": "LL",
        "ct_ratio": "40",
        "pt_ratio": "1",
        "purchase_mode": "KEYPAD",
        "purchase_maximum": "500",
        "energy_maximum": "20",
        "is_main": "on",
        "version": 0,
    } | changes


def test_point_is_modified_with_the_limits_of_its_agreement(scene, clerk):
    agreement = make_supply(scene)
    address = f"/archives/points/{agreement.usage_point_id}/modify/"
    clerk.post(address, point_form(scene))
    stale = clerk.post(address, point_form(scene))
    agreement.refresh_from_db()
    point = agreement.usage_point

    assert (point.name, point.ct_ratio, point.is_billable) == ("Shop", 40, False)
    assert (agreement.purchase_maximum_minor, agreement.energy_maximum_wh) == (500_00, 20_000)
    assert stale.status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [{"ct_ratio": "0"}, {"structure_id": "99"}, {"purchase_maximum": "x"}, {"energy_maximum": "-1"}, {"name": ""}],
)
def test_wrong_point_is_refused(scene, clerk, wrong):
    point = make_supply(scene).usage_point

    assert clerk.post(f"/archives/points/{point.pk}/modify/", point_form(scene, **wrong)).status_code == 422
    point.refresh_from_db()
    assert point.name == "House"


def test_paused_account_is_not_sold_to_until_it_goes_on(scene, clerk):
    agreement = make_supply(scene)
    address = f"/archives/points/{agreement.usage_point_id}/pause/"
    without = clerk.post(address, {"reason": ""})
    clerk.post(address, {"reason": "house is rebuilt"})
    with pytest.raises(NotSellable):
        sell(scene, agreement.pk)
    clerk.post(address, {"reason": "done"})
    sell(scene, agreement.pk)

    assert without.status_code == 422
    assert CustomerAgreement.objects.get().status == "ACTIVE"


def test_meter_of_an_open_account_stays(scene, clerk):
    point = make_supply(scene).usage_point
    answer = clerk.post(f"/archives/points/{point.pk}/remove/", {"register": "1"})

    assert answer.status_code == 422
    assert "Cancel the account" in text_of(answer)
    assert point.installations.get().removed_at is None


def test_picker_offers_customers_of_the_own_unit_by_their_number(scene, clerk, far):
    make_supply(scene, 1)
    make_supply(scene, 2)
    found = text_of(clerk.get("/archives/pick/", {"q": meter_number(2)}))

    assert 'data-value="C000002"' in found
    assert "C000001" not in found
    assert "Nothing found" in text_of(far.get("/archives/pick/", {"q": "C000002"}))
    assert "Type a number" in text_of(clerk.get("/archives/pick/"))
