from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.arrears.operations import DebtTerms, add_debt, set_frozen
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.sales import sell
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
SHARE = DebtTerms(DebtKind.CONNECTION, "Connection fee", RecoveryMode.PERCENT, percent_bp=3_050)
FIXED = DebtTerms(DebtKind.LEGACY, "Bills of 2024", RecoveryMode.FIXED, fixed_minor=40_00)


@pytest.fixture
def clerk(scene):
    return replace(scene.bram, permissions=frozenset({"debt.edit"}))


@pytest.fixture
def desk(clerk, enter):
    return enter(clerk)


@pytest.fixture
def supply(scene):
    return make_supply(scene)


def owed(clerk, supply, terms=SHARE, principal=500_00):
    return add_debt(account_id=supply.account_id, principal_minor=principal, terms=terms, actor=clerk, at=now())


def entered(**changes):
    filled = {
        "request_id": str(new_id()),
        "version": "0",
        "customer": "C000001",
        "kind": "CONNECTION",
        "description": "Connection fee",
        "principal": "500",
        "mode": "PERCENT",
        "percent": "30.5",
        "fixed": "",
        "priority": "10",
    }
    return filled | changes


def names(page):
    return [row.record.account.customer.name for row in page.context["list"].table.paginated_rows]


def test_list_shows_what_is_owed_and_adds_it_up(desk, clerk, supply):
    owed(clerk, supply)
    owed(clerk, supply, FIXED, 100_50)

    page = desk.get("/debts/").content.decode()

    assert "30.5 %" in page
    assert "40.00" in page
    assert "600.50" in page


def test_list_is_narrowed_by_number_name_and_state(desk, clerk, scene, supply):
    owed(clerk, supply)
    other = owed(clerk, make_supply(scene, 2))
    set_frozen(debt_id=other.pk, frozen=True, actor=clerk, at=now())

    assert names(desk.get("/debts/?q=C000001")) == ["Customer 1"]
    assert names(desk.get("/debts/?q=customer")) == ["Customer 2", "Customer 1"]
    assert names(desk.get("/debts/?status=FROZEN")) == ["Customer 2"]
    assert names(desk.get("/debts/?kind=LEGACY")) == []


def test_list_is_exported_with_the_terms_in_words(desk, clerk, supply):
    owed(clerk, supply)

    text = b"".join(desk.get("/debts/?export=csv").streaming_content).decode()

    assert "Connection fee" in text
    assert "30.5 %" in text
    assert "Being recovered" in text


def test_list_of_three_costs_what_a_list_of_one_costs(desk, clerk, scene, supply):
    owed(clerk, supply)
    desk.get("/debts/")  # The first page of a session also writes when it was seen.
    with CaptureQueriesContext(connection) as one:
        desk.get("/debts/")
    for serial in (2, 3):
        owed(clerk, make_supply(scene, serial))
    with CaptureQueriesContext(connection) as three:
        assert len(names(desk.get("/debts/"))) == 3

    assert len(three) == len(one)


@pytest.mark.parametrize(
    "url", ["/debts/", "/debts/add/", "/debts/1/", "/debts/1/edit/", "/debts/1/freeze/", "/debts/?export=csv"]
)
def test_debts_need_the_right(scene, enter, url):
    assert enter(scene.asha).get(url).status_code == 403


def test_debts_end_at_ones_unit(desk, clerk, scene, supply, enter):
    debt = owed(clerk, supply)
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    stranger = enter(actor_for(make_operator("zola", "Zola Far", office), clerk.permissions))

    assert names(stranger.get("/debts/")) == []
    assert stranger.get(f"/debts/{debt.pk}/").status_code == 404
    assert stranger.get(f"/debts/{debt.pk}/edit/").status_code == 404
    assert stranger.post(f"/debts/{debt.pk}/freeze/", {"frozen": "1"}).status_code == 404
    refused = stranger.post("/debts/add/", entered())
    assert refused.status_code == 422
    assert "No account in your unit" in refused.content.decode()
    assert AuxiliaryAgreement.objects.get().status == "OPEN"


def test_debt_is_added_as_a_share(desk, supply):
    answer = desk.post("/debts/add/", entered(fixed="not read"))

    debt = AuxiliaryAgreement.objects.get()
    assert answer["Location"] == f"/debts/{debt.pk}/"
    assert (debt.account_id, debt.principal_minor) == (supply.account_id, 500_00)
    assert (debt.mode, debt.percent_bp, debt.fixed_minor) == ("PERCENT", 3_050, 0)


def test_debt_is_added_as_a_fixed_amount(desk, supply):
    meter = supply.usage_point.installations.get().meter.number

    desk.post("/debts/add/", entered(customer=meter, mode="FIXED", percent="", fixed="25,50", kind="LEGACY"))

    debt = AuxiliaryAgreement.objects.get()
    assert (debt.mode, debt.percent_bp, debt.fixed_minor, debt.kind) == ("FIXED", 0, 25_50, "LEGACY")


def test_sending_a_form_twice_adds_one_debt(desk, supply):
    form = entered()

    first, second = (desk.post("/debts/add/", form) for _press in range(2))

    assert first["Location"] == second["Location"]
    assert AuxiliaryAgreement.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer": "C999999"}, "customer"),
        ({"customer": ""}, "customer"),
        ({"principal": "0"}, "principal"),
        ({"principal": "1.005"}, "principal"),
        ({"principal": "much"}, "principal"),
        ({"percent": ""}, "percent"),
        ({"percent": "91"}, "percent"),
        ({"percent": "0.001"}, "percent"),
        ({"mode": "FIXED", "fixed": ""}, "fixed"),
        ({"mode": "FIXED", "fixed": "-5"}, "fixed"),
        ({"mode": "FIXED", "fixed": "x"}, "fixed"),
        ({"kind": "PRELOAD"}, "kind"),
        ({"kind": "CHEQUE"}, "kind"),
        ({"description": " "}, "description"),
        ({"priority": "100"}, "priority"),
    ],
)
def test_wrong_value_answers_beside_its_field(desk, supply, changes, field):
    answer = desk.post("/debts/add/", entered(**changes))

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert not AuxiliaryAgreement.objects.exists()


def test_form_is_opened_for_a_customer(desk):
    page = desk.get("/debts/add/?customer=C000001").content.decode()

    assert 'value="C000001"' in page
    assert "KES" in page


def test_debt_shows_what_purchases_paid_of_it(desk, clerk, scene, supply):
    debt = owed(clerk, supply)
    sell(scene, supply.pk, 100_00)

    answer = desk.get(f"/debts/{debt.pk}/")

    (row,) = answer.context["list"].table.data.data
    assert (row.taken_minor, row.given_back) == (30_50, False)
    page = answer.content.decode()
    assert "469.50" in page
    assert row.number in page
    exported = desk.get(f"/debts/{debt.pk}/?export=csv")
    assert row.number in b"".join(exported.streaming_content).decode()


def test_debt_is_frozen_and_resumed(desk, clerk, supply):
    debt = owed(clerk, supply)
    url = f"/debts/{debt.pk}/freeze/"

    assert "Freeze this debt?" in desk.get(f"/debts/{debt.pk}/").content.decode()
    assert "Frozen. Purchases pay nothing" in desk.post(url, {"frozen": "1"}, follow=True).content.decode()
    assert AuxiliaryAgreement.objects.get().status == "FROZEN"
    assert desk.get(url).status_code == 302
    assert AuxiliaryAgreement.objects.get().status == "FROZEN"
    assert "Purchases pay it off again" in desk.post(url, {"frozen": "0"}, follow=True).content.decode()
    assert AuxiliaryAgreement.objects.get().status == "OPEN"


def test_paid_debt_says_why_it_is_not_frozen(desk, clerk, supply):
    debt = owed(clerk, supply)
    AuxiliaryAgreement.objects.filter(pk=debt.pk).update(remaining_minor=0, status="PAID")

    page = desk.post(f"/debts/{debt.pk}/freeze/", {"frozen": "1"}, follow=True).content.decode()

    assert "This debt is paid already" in page
    assert AuxiliaryAgreement.objects.get().status == "PAID"


@pytest.mark.parametrize(("terms", "typed"), [(SHARE, ("30.5", "")), (FIXED, ("", "40.00"))])
def test_terms_are_shown_as_they_are_typed(desk, clerk, supply, terms, typed):
    debt = owed(clerk, supply, terms)

    form = desk.get(f"/debts/{debt.pk}/edit/").context["form"]

    assert (form.initial["percent"], form.initial["fixed"]) == typed
    assert f"/debts/{debt.pk}/edit/" in desk.get(f"/debts/{debt.pk}/").content.decode()


def test_terms_are_changed(desk, clerk, supply):
    debt = owed(clerk, supply)

    answer = desk.post(f"/debts/{debt.pk}/edit/", entered(mode="FIXED", fixed="12.5", priority="3"), follow=True)

    assert "12.50" in answer.content.decode()
    debt.refresh_from_db()
    assert (debt.mode, debt.fixed_minor, debt.priority, debt.version) == ("FIXED", 12_50, 3, 1)


def test_change_of_what_changed_meanwhile_is_a_conflict(desk, clerk, scene, supply):
    debt = owed(clerk, supply)
    sell(scene, supply.pk)

    answer = desk.post(f"/debts/{debt.pk}/edit/", entered(mode="FIXED", fixed="12.5"))

    assert answer.status_code == 409
    assert "Look at it again" in answer.content.decode()
    wrong = desk.post(f"/debts/{debt.pk}/edit/", entered(mode="FIXED", fixed="x"))
    assert (wrong.status_code, set(wrong.context["form"].errors)) == (422, {"fixed"})
