from dataclasses import replace
from datetime import timedelta

import pytest

from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.ledger.models import Posting
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.staff.models import Operator, RolePermission
from gridtill.apps.vending.models import Delivery, ReceiptPrint, Tender, Vend
from gridtill.kernel.ids import new_id
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def supply(scene):
    return make_supply(scene)


@pytest.fixture
def desk(scene, enter):
    return enter(scene.asha)


def sale(**changes):
    return {"request_id": str(new_id()), "amount": "100", "pay": "CASH", "received": "200"} | changes


def sell(desk, supply, **changes):
    return desk.post(f"/counter/sell/{supply.pk}/", sale(**changes), headers=HTMX)


def elsewhere(scene):
    """A cashier of another bureau."""
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    return actor_for(make_operator("zola", "Zola Far", office), scene.asha.permissions)


def test_counter_without_an_open_shift_leads_to_the_till(scene, enter):
    page = enter(scene.bram).get("/counter/").content.decode()

    assert "The till is closed" in page
    assert 'href="/till/"' in page


def test_number_that_matches_one_customer_opens_it(desk, supply):
    customer = supply.usage_point.customer
    plain = desk.get("/counter/find/", {"q": customer.number})
    live = desk.get("/counter/find/", {"q": customer.number}, headers=HTMX)

    assert plain["Location"] == f"/counter/?customer={customer.pk}"
    assert (live.status_code, f"/counter/?customer={customer.pk}" in live["HX-Location"]) == (204, True)


def test_name_of_several_lists_them_and_nonsense_says_so(scene, desk, supply):
    make_supply(scene, 2)

    assert "2 matches" in desk.get("/counter/find/", {"q": "Customer"}).content.decode()
    assert "Nothing matches" in desk.get("/counter/find/", {"q": "<script>"}).content.decode()
    assert "<script>" not in desk.get("/counter/find/", {"q": "<script>"}).content.decode().split("<body")[-1]


def test_customer_page_shows_meter_and_state(desk, supply):
    page = desk.get("/counter/", {"customer": supply.usage_point.customer_id}, headers=HTMX).content.decode()

    assert supply.usage_point.installations.get().meter.number in page
    assert f'action="/counter/sell/{supply.pk}/"' in page


def test_customer_of_another_unit_is_not_found(scene, enter, supply):
    far = enter(elsewhere(scene))

    assert far.get("/counter/", {"customer": supply.usage_point.customer_id}).status_code == 404
    assert "Nothing matches" in far.get("/counter/find/", {"q": supply.usage_point.customer.number}).content.decode()


def test_quote_shows_energy_and_lines(desk, supply):
    page = desk.get(f"/counter/quote/{supply.pk}/", {"amount": "100"}).content.decode()

    assert 'value="5000" data-expected' in page
    assert 'data-quoted="100"' in page


def test_quote_by_energy_shows_the_sum_that_will_be_sold(desk, supply):
    page = desk.get(f"/counter/quote/{supply.pk}/", {"amount": "7.5", "unit": "kwh"}).content.decode()

    assert 'name="tender_minor" value="15000"' in page
    assert 'value="7500" data-expected' in page


@pytest.mark.parametrize("amount", ["", "0", "-5", "abc", "1e9", "99999999999999999999", "1.234"])
def test_quote_of_a_wrong_amount_says_so_and_cannot_be_sold(desk, supply, amount):
    page = desk.get(f"/counter/quote/{supply.pk}/", {"amount": amount}).content.decode()

    assert 'role="alert"' in page
    assert "disabled data-sell" in page


def test_quote_of_another_units_agreement_is_not_found(scene, enter, supply):
    assert enter(elsewhere(scene)).get(f"/counter/quote/{supply.pk}/", {"amount": "100"}).status_code == 404


def test_sale_shows_token_and_change(desk, supply):
    answer = sell(desk, supply)
    vend = Vend.objects.get()
    page = answer.content.decode()

    assert answer["HX-Push-Url"] == f"/counter/sold/{vend.pk}/"
    assert (vend.total_minor, vend.energy_wh) == (100_00, 5_000)
    token = Delivery.objects.get().token
    assert all(f"<b>{token[start : start + 4]}</b>" in page for start in range(0, 20, 4))
    assert "KES\N{NO-BREAK SPACE}100.00" in page


def test_pressing_twice_sells_once_and_shows_the_same_token(desk, supply):
    order = sale()
    first = desk.post(f"/counter/sell/{supply.pk}/", order, headers=HTMX)
    again = desk.post(f"/counter/sell/{supply.pk}/", order)

    assert Vend.objects.count() == 1
    assert again["Location"] == first["HX-Push-Url"]


def test_sale_by_energy_sells_the_quoted_sum(desk, supply):
    sell(desk, supply, amount="7.5", unit="kwh", tender_minor="15000", expected_wh="7500", received="")

    vend = Vend.objects.get()
    assert (vend.total_minor, vend.energy_wh) == (150_00, 7_500)


def test_sale_by_energy_without_a_price_is_refused(desk, supply):
    answer = sell(desk, supply, amount="7.5", unit="kwh")

    assert (answer.status_code, Vend.objects.count()) == (422, 0)
    assert "Wait for the price" in answer.content.decode()


def test_three_ways_of_payment_add_up(desk, supply):
    sell(
        desk,
        supply,
        received="60",
        pay1="MOBILE_MONEY",
        part1="30",
        reference1="QX12",
        pay2="CHEQUE",
        part2="20",
        reference2="000123",
    )

    paid = dict(Tender.objects.values_list("kind", "amount_minor"))
    assert paid == {"CASH": 50_00, "MOBILE_MONEY": 30_00, "CHEQUE": 20_00}
    assert sum(Posting.objects.values_list("amount_minor", flat=True)) == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"received": "50"}, "Less was received"),
        ({"pay": "MOBILE_MONEY"}, "reference"),
        ({"pay1": "BANK_CARD", "part1": "150", "reference1": "1"}, "more than the price"),
        ({"pay1": "CASH", "part1": "10"}, "each way of payment once"),
        ({"pay": "SHELLS"}, "SHELLS"),
        ({"request_id": "x"}, "UUID"),
        ({"amount": "10000000000", "received": ""}, "most for one purchase"),
    ],
)
def test_wrong_sale_is_refused_and_writes_nothing(desk, supply, changes, says):
    answer = sell(desk, supply, **changes)

    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#quote")
    assert says in answer.content.decode()
    assert Vend.objects.count() == 0


def test_price_that_moved_since_the_quote_is_a_conflict(desk, supply):
    answer = sell(desk, supply, expected_wh="4999")

    assert (answer.status_code, Vend.objects.count()) == (409, 0)


def test_sale_to_another_unit_sells_nothing(scene, enter, supply):
    assert sell(enter(elsewhere(scene)), supply).status_code in {403, 404, 422}
    assert Vend.objects.count() == 0


def test_who_may_not_sell_gets_no_counter(scene, enter, supply):
    reader = enter(replace(scene.asha, permissions=frozenset({"vend.view"})))

    assert reader.get("/counter/").status_code == 403
    assert sell(reader, supply).status_code == 403


def test_reader_of_the_books_does_not_see_the_token_nor_counts_as_having_shown_it(scene, enter, desk, supply):
    sell(desk, supply)
    Delivery.objects.update(revealed_at=None)
    token = Delivery.objects.get().token

    page = enter(replace(scene.bram, permissions=frozenset({"vend.view"}))).get(
        f"/counter/sold/{Vend.objects.get().pk}/"
    )

    assert f"<b>{token[:4]}</b>" not in page.content.decode()
    assert "Only a cashier sees the digits" in page.content.decode()
    assert Delivery.objects.get().revealed_at is None


def test_unknown_purchase_is_not_found(desk):
    assert desk.get(f"/counter/sold/{new_id()}/").status_code == 404


def test_second_receipt_is_marked_as_a_copy(desk, supply):
    sell(desk, supply)
    address = f"/counter/sold/{Vend.objects.get().pk}/receipt/"
    first, second = desk.post(address).content.decode(), desk.post(address).content.decode()

    assert "COPY" not in first
    assert "COPY" in second
    assert ReceiptPrint.objects.count() == 2


def test_token_that_was_not_made_is_asked_for_again(desk, supply):
    sell(desk, supply)
    Delivery.objects.update(state="PENDING", token="", check_value="", revealed_at=None)
    vend = Vend.objects.get()
    before = desk.get(f"/counter/sold/{vend.pk}/").content.decode()
    desk.post(f"/counter/sold/{vend.pk}/issue/")

    assert "the token was not made yet" in before
    assert len(Delivery.objects.get().token) == 20


def test_records_find_by_receipt_and_day(desk, supply):
    sell(desk, supply)
    vend = Vend.objects.get()
    found = desk.get("/purchases/", {"q": vend.number}).content.decode()
    other_day = vend.calendar_day - timedelta(days=1)
    nothing = desk.get("/purchases/", {"first": other_day.isoformat(), "last": other_day.isoformat()}).content.decode()

    assert vend.number in found
    assert vend.number not in nothing


def test_taking_back_a_shown_token_needs_a_supervisor(scene, enter, desk, supply):
    sell(desk, supply)
    vend = Vend.objects.get()
    page = desk.get(f"/counter/sold/{vend.pk}/take-back/").content.decode()
    desk.post(f"/counter/sold/{vend.pk}/take-back/", {"request_id": str(new_id()), "reason": "wrong customer"})
    boss = enter(scene.bram)
    waiting = boss.get("/recoveries/").content.decode()
    wish = vend.reversal_requests.get()
    boss.post(f"/recoveries/{wish.pk}/", {"decision": "approve", "note": "meter not touched"})

    vend.refresh_from_db()
    assert "Ask for approval" in page
    assert vend.number in waiting
    assert (vend.state, Delivery.objects.get().state) == ("REVERSED", "CANCELLED")
    assert "Taken back" in desk.get(f"/counter/sold/{vend.pk}/").content.decode()


def test_token_nobody_saw_is_taken_back_at_once(desk, supply):
    sell(desk, supply)
    Delivery.objects.update(revealed_at=None)
    vend = Vend.objects.get()
    desk.post(f"/counter/sold/{vend.pk}/take-back/", {"request_id": str(new_id()), "reason": "wrong customer"})

    vend.refresh_from_db()
    assert vend.state == "REVERSED"


def test_taking_back_without_a_reason_answers_beside_the_field(desk, supply):
    sell(desk, supply)
    vend = Vend.objects.get()
    answer = desk.post(f"/counter/sold/{vend.pk}/take-back/", {"request_id": str(new_id()), "reason": ""})

    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()


def test_declined_wish_leaves_the_purchase_sold(scene, enter, desk, supply):
    sell(desk, supply)
    vend = Vend.objects.get()
    desk.post(f"/counter/sold/{vend.pk}/take-back/", {"request_id": str(new_id()), "reason": "wrong customer"})
    boss = enter(scene.bram)
    address = f"/recoveries/{vend.reversal_requests.get().pk}/"
    boss.post(address, {"decision": "decline", "note": "token was used"})

    vend.refresh_from_db()
    assert (vend.state, vend.reversal_requests.get().state) == ("SOLD", "DECLINED")
    assert boss.post(address, {"decision": "approve"}).status_code == 404


def modifying(**changes):
    ids = {"reversal_id": str(new_id()), "request_id": str(new_id())}
    return ids | {"amount": "60", "pay": "CASH", "reason": "typed 100 for 60"} | changes


def test_wrong_amount_is_put_right_in_one_act(desk, supply):
    sell(desk, supply)
    Delivery.objects.update(revealed_at=None)
    old = Vend.objects.get()
    form = modifying()
    answer = desk.post(f"/counter/sold/{old.pk}/modify/", form)
    again = desk.post(f"/counter/sold/{old.pk}/modify/", form)

    assert answer["Location"] == f"/counter/sold/{form['request_id']}/"
    assert again.status_code in {302, 422}
    assert sorted(Vend.objects.values_list("state", "total_minor")) == [("REVERSED", 100_00), ("SOLD", 60_00)]


def test_modifying_a_shown_token_asks_for_a_supervisor_at_the_desk(scene, desk, supply):
    sell(desk, supply)
    scene_role = Operator.objects.get(pk=scene.bram.id).role
    RolePermission.objects.get_or_create(role=scene_role, permission="vend.reverse_approve")
    old = Vend.objects.get()
    address = f"/counter/sold/{old.pk}/modify/"
    nobody = desk.post(address, modifying())
    wrong = desk.post(address, modifying(approver="bram", approver_password="guess"))
    good = desk.post(address, modifying(approver="bram", approver_password="correct horse battery"))

    assert (nobody.status_code, wrong.status_code, good.status_code) == (422, 422, 302)
    assert "do not go together" in wrong.content.decode()
    old.refresh_from_db()
    assert (old.state, old.reversal.approved_by.username) == ("REVERSED", "bram")


def test_nobody_agrees_with_themselves(scene, desk, supply):
    sell(desk, supply)
    own = modifying(approver="asha", approver_password="correct horse battery")

    assert desk.post(f"/counter/sold/{Vend.objects.get().pk}/modify/", own).status_code in {403, 422}
    assert Vend.objects.get().state == "SOLD"


def test_refused_new_amount_leaves_the_old_purchase_as_it_was(desk, supply):
    sell(desk, supply)
    Delivery.objects.update(revealed_at=None)
    answer = desk.post(f"/counter/sold/{Vend.objects.get().pk}/modify/", modifying(amount="abc"))

    assert (answer.status_code, Vend.objects.get().state) == (422, "SOLD")


def test_returned_cheque_becomes_a_debt_and_leaves_the_bank(scene, enter, desk, supply):
    sell(desk, supply, pay="CHEQUE", reference="000123", received="")
    vend = Vend.objects.get()
    banker = enter(replace(scene.bram, permissions=frozenset({"shift.banking", "vend.view"})))
    form = {"request_id": str(new_id()), "reason": "no cover"}
    page = banker.get(f"/purchases/{vend.pk}/").content.decode()
    banker.post(f"/counter/sold/{vend.pk}/cheque-returned/", form)
    again = banker.post(f"/counter/sold/{vend.pk}/cheque-returned/", form)
    other = banker.post(f"/counter/sold/{vend.pk}/cheque-returned/", form | {"request_id": str(new_id())})

    assert f"/counter/sold/{vend.pk}/cheque-returned/" in page
    assert (again.status_code, other.status_code) == (302, 422)
    assert (balance_of("1120"), balance_of("1400"), is_balanced()) == (0, 100_00, True)
    debt = AuxiliaryAgreement.objects.get()
    assert (debt.kind, debt.remaining_minor) == ("CHEQUE", 100_00)
    refused = desk.post(
        f"/counter/sold/{vend.pk}/take-back/", {"request_id": str(new_id()), "reason": "wrong customer"}
    )
    assert "came back unpaid" in refused.content.decode()


def test_cash_cannot_come_back_as_a_cheque(scene, enter, desk, supply):
    sell(desk, supply)
    banker = enter(replace(scene.bram, permissions=frozenset({"shift.banking"})))
    address = f"/counter/sold/{Vend.objects.get().pk}/cheque-returned/"
    answer = banker.post(address, {"request_id": str(new_id()), "reason": "no cover"})

    assert (answer.status_code, "not paid by cheque" in answer.content.decode()) == (422, True)


def test_information_tells_the_whole_story_without_the_token(scene, enter, desk, supply):
    sell(desk, supply)
    vend = Vend.objects.get()
    desk.post(f"/counter/sold/{vend.pk}/receipt/")
    page = enter(replace(scene.bram, permissions=frozenset({"vend.view"}))).get(f"/purchases/{vend.pk}/")
    text = page.content.decode()

    assert all(part in text for part in (vend.number, "vending.vend.sold", "vending.delivery.issue", "1000.T01"))
    assert "Receipt printed" in text
    assert Delivery.objects.get().token[:4] not in text
    assert desk.get(f"/purchases/{new_id()}/").status_code == 404


def test_who_may_not_reprint_gets_the_original_alone(scene, enter, supply):
    desk = enter(replace(scene.asha, permissions=frozenset({"vend.sell"})))
    sell(desk, supply)
    address = f"/counter/sold/{Vend.objects.get().pk}/receipt/"

    assert (desk.post(address).status_code, desk.post(address).status_code) == (200, 403)
    assert ReceiptPrint.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"pay": "MOBILE_MONEY", "reference": ""}, {"pay": "MOBILE_MONEY", "reference": "MM-900001"}),
        ({"received": "50"}, {"received": "500"}),
    ],
)
def test_what_was_refused_is_put_right_and_sold_without_typing_the_amount_again(desk, supply, wrong, right):
    refused = sell(desk, supply, **wrong)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "Nothing was sold" in page
    # The price is still there, and so is a button that sells.
    assert 'data-quoted="100"' in page
    assert "disabled" not in page

    assert sell(desk, supply, **right).status_code in {200, 302}
    assert Vend.objects.count() == 1
