from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.customers.models import Customer, CustomerAgreement, MeterInstallation, UsagePoint
from gridtill.apps.ledger.queries import is_balanced
from gridtill.apps.vending.models import AccountStanding, Delivery, SalesDocument, Vend
from gridtill.apps.vending.operations.reverse import ReversalCase, ReversalRefused, reverse_vend
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.sales import sell
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
RIGHTS = frozenset({"account.open", "account.close", "vend.sell", "vend.view"})


@pytest.fixture
def desk(scene, enter):
    return enter(replace(scene.asha, permissions=RIGHTS))


def newly_installed(scene, serial=1):
    agreement = make_supply(scene, serial)
    AccountStanding.objects.filter(agreement=agreement).delete()
    CustomerAgreement.objects.filter(pk=agreement.pk).update(status="PENDING", opened_at=None)
    UsagePoint.objects.filter(pk=agreement.usage_point_id).update(status="PLANNED")
    Customer.objects.filter(pk=agreement.usage_point.customer_id).update(status="NEW")
    return agreement


def opening(**changes):
    return {
        "request_id": str(new_id()),
        "password": "4711",
        "again": "4711",
        "overdraft_policy": "NONE",
        "initial_credit": "2.5",
        "preload": "50",
        "amount": "100",
        "pay": "CASH",
    } | changes


def open_it(desk, agreement, **changes):
    return desk.post(f"/accounts/{agreement.pk}/open/", opening(**changes))


def cancelling(**changes):
    return {"request_id": str(new_id()), "remaining": "2", "register": "3", "password": "4711"} | changes


def test_account_opens_with_its_first_purchase_in_one_step(scene, desk):
    agreement = newly_installed(scene)
    answer = open_it(desk, agreement)
    vend = Vend.objects.get()
    agreement.refresh_from_db()

    assert answer["Location"] == f"/counter/sold/{vend.pk}/"
    assert (agreement.status, agreement.initial_credit_wh) == ("ACTIVE", 2_500)
    # Half of the purchase goes to the worth of the initial credit, which is then paid.
    assert (vend.total_minor, vend.debt_minor, AuxiliaryAgreement.objects.get().remaining_minor) == (100_00, 50_00, 0)
    assert len(Delivery.objects.get().token) == 20


def test_pressing_open_twice_opens_and_sells_once(scene, desk):
    agreement = newly_installed(scene)
    form = opening()
    first = desk.post(f"/accounts/{agreement.pk}/open/", form)
    again = desk.post(f"/accounts/{agreement.pk}/open/", form)

    assert first["Location"] == again["Location"]
    assert Vend.objects.count() == 1


def test_account_opens_without_a_purchase(scene, desk):
    agreement = newly_installed(scene)
    answer = open_it(desk, agreement, amount="", preload="", initial_credit="")

    assert answer["Location"] == "/accounts/"
    assert CustomerAgreement.objects.get().status == "ACTIVE"
    assert AccountStanding.objects.filter(agreement=agreement).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"again": "4712"},
        {"password": "1", "again": "1"},
        {"overdraft_policy": "Z"},
        {"initial_credit": "much"},
        {"preload": "-1"},
        {"amount": "abc"},
        {"pay": "MOBILE_MONEY"},
        {"request_id": ""},
    ],
)
def test_wrong_opening_leaves_nothing_behind(scene, desk, wrong):
    agreement = newly_installed(scene)
    answer = open_it(desk, agreement, **wrong)

    assert answer.status_code == 422
    assert CustomerAgreement.objects.get().status == "PENDING"
    assert not Vend.objects.exists()
    assert not AuxiliaryAgreement.objects.exists()


def test_only_newly_installed_customers_are_opened(scene, desk):
    answer = open_it(desk, make_supply(scene))

    assert answer.status_code == 422
    assert "Only a newly installed customer" in answer.content.decode()


def test_cancelling_pays_out_what_is_left_and_frees_the_meter(scene, desk):
    agreement = newly_installed(scene)
    open_it(desk, agreement, preload="", initial_credit="")
    page = desk.get(f"/accounts/{agreement.pk}/worth/", {"remaining": "2"}).content.decode()
    answer = desk.post(f"/accounts/{agreement.pk}/cancel/", cancelling(print_receipt="on"))
    receipt = desk.get(answer["Location"]).content.decode()
    agreement.refresh_from_db()

    assert "KES\N{NO-BREAK SPACE}40.00" in page
    assert "KES\N{NO-BREAK SPACE}40.00" in receipt
    assert "data-print-now" in receipt
    assert agreement.status == "CLOSED"
    assert MeterInstallation.objects.get().removed_at is not None
    assert is_balanced()


def test_pressing_cancel_twice_settles_once(scene, desk):
    agreement = newly_installed(scene)
    open_it(desk, agreement, preload="", initial_credit="")
    form = cancelling()
    first = desk.post(f"/accounts/{agreement.pk}/cancel/", form)
    again = desk.post(f"/accounts/{agreement.pk}/cancel/", form)

    assert (first.status_code, first["Location"]) == (302, again["Location"])
    assert "print=1" not in first["Location"]
    assert SalesDocument.objects.filter(kind="SETTLEMENT").count() == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": "0000"}, "not the password"),
        ({"remaining": "much"}, "kWh"),
        ({"register": "-1"}, "kWh"),
        ({"password": "", "waived": "on"}, ""),
    ],
)
def test_wrong_cancelling_changes_nothing(scene, desk, wrong, says):
    agreement = newly_installed(scene)
    open_it(desk, agreement, preload="", initial_credit="")
    answer = desk.post(f"/accounts/{agreement.pk}/cancel/", cancelling(**wrong))

    assert answer.status_code in {403, 422}
    assert says in answer.content.decode()
    assert CustomerAgreement.objects.get().status == "ACTIVE"


def test_cancelling_needs_an_open_till(scene, enter):
    agreement = make_supply(scene)
    answer = enter(scene.bram).post(f"/accounts/{agreement.pk}/cancel/", cancelling())

    assert answer.status_code == 422
    assert "Your till is closed" in answer.content.decode()


def test_worth_of_nonsense_asks_for_the_credit(scene, desk):
    agreement = make_supply(scene)
    sell(scene, agreement.pk)

    assert "Enter the credit left" in desk.get(f"/accounts/{agreement.pk}/worth/", {"remaining": "x"}).content.decode()


def test_list_finds_and_links_the_next_step(scene, desk):
    new, opened = newly_installed(scene, 1), make_supply(scene, 2)
    page = desk.get("/accounts/").content.decode()

    assert f'href="/accounts/{new.pk}/open/"' in page
    assert f'href="/accounts/{opened.pk}/cancel/"' in page
    assert "Customer 2" not in desk.get("/accounts/", {"q": "C000001"}).content.decode()
    assert "Customer 1" not in desk.get("/accounts/", {"status": "ACTIVE"}).content.decode()
    meter = opened.usage_point.installations.get().meter.number
    assert "Customer 2" in desk.get("/accounts/", {"q": meter}).content.decode()


def test_list_asks_as_often_for_three_rows_as_for_one(scene, desk):
    make_supply(scene)
    desk.get("/accounts/")
    counts = []
    for serial in (2, 3):
        with CaptureQueriesContext(connection) as queries:
            desk.get("/accounts/")
        counts.append(len(queries))
        make_supply(scene, serial)

    assert counts[0] == counts[1]


def test_accounts_end_at_the_own_unit_and_right(scene, enter):
    agreement = make_supply(scene)
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    far = enter(actor_for(make_operator("zola", "Zola Far", office), RIGHTS))

    assert far.get(f"/accounts/{agreement.pk}/open/").status_code == 404
    assert far.get(f"/accounts/{agreement.pk}/cancel/").status_code == 404
    assert far.get(f"/accounts/{agreement.pk}/worth/").status_code == 404
    assert far.get(f"/accounts/settled/{new_id()}/").status_code == 404
    assert enter(scene.asha).get("/accounts/").status_code == 403


def test_purchase_of_a_settled_account_is_not_paid_out_a_second_time(scene, desk):
    agreement = newly_installed(scene)
    open_it(desk, agreement, preload="", initial_credit="")
    desk.post(f"/accounts/{agreement.pk}/cancel/", cancelling())
    vend = Vend.objects.get()
    case = ReversalCase(vend.pk, scene.shift.pk, "wants the money back")

    with pytest.raises(ReversalRefused, match="settled"):
        reverse_vend(request_id=new_id(), case=case, actor=scene.asha, at=now(), approver=scene.bram)
    assert Vend.objects.get().state == "SOLD"
