import re
from html import unescape

import pytest
from django.core.cache import cache
from django.test import Client

from gridtill.apps.vending.models import SalesDocument
from gridtill.apps.vending.queries.receipt import checked_receipt
from gridtill.reports.receipt.code import make_code
from gridtill.web.check_links import check_url
from gridtill.web.receipts import check
from tests.factories.sales import sell, take_back
from tests.factories.scene import make_supply

pytestmark = [pytest.mark.web, pytest.mark.django_db]
SECRET = "5ce8e"


@pytest.fixture(autouse=True)
def fresh_minute():
    cache.clear()


@pytest.fixture
def vend(scene):
    return sell(scene, make_supply(scene).pk)


@pytest.fixture
def address(vend):
    return f"/r/{make_code(SalesDocument.objects.get(number=vend.number).pk, SECRET)}"


def words(answer):
    return unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_anybody_sees_that_a_receipt_is_genuine_and_what_it_says(vend, address):
    answer = Client().get(address)
    page = words(answer)

    assert answer.status_code == 200
    assert "This receipt is genuine" in page
    assert all(part in page for part in (vend.number, "100.00", "5\N{NO-BREAK SPACE}kWh", vend.meter.number[-4:]))


def test_page_tells_nothing_personal(vend, address):
    page = Client().get(address).content.decode()

    for secret in (vend.customer.name, vend.customer.number, vend.meter.number, vend.cashier.full_name):
        assert secret not in page


def test_receipt_of_a_recovered_purchase_says_so(scene, vend, address):
    take_back(scene, vend)

    assert "the purchase was taken back" in words(Client().get(address))


def test_letters_of_the_code_may_be_small(address):
    assert Client().get(address.lower()).status_code == 200


@pytest.mark.parametrize("code", ["A" * 24, "1", "é" * 24, "x" * 500])
def test_code_that_was_never_given_is_not_ours(vend, code):
    answer = Client().get(f"/r/{code}")

    assert answer.status_code == 404
    assert "This is not one of our receipts" in words(answer)


def test_documents_other_than_purchases_have_no_check_page(scene):
    opening = SalesDocument.objects.get(kind="SHIFT_OPENED")

    assert checked_receipt(opening.pk) is None
    assert Client().get(f"/r/{make_code(opening.pk, SECRET)}").status_code == 404


def test_check_page_is_only_read(address):
    assert Client().post(address).status_code == 405


def test_checks_are_counted_by_caller(vend, address, settings):
    for _time in range(check.CHECKS_A_MINUTE):
        assert Client().get(address).status_code == 200
    refused = Client().get(address)

    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert Client(REMOTE_ADDR="10.0.0.9").get(address).status_code == 200


def test_caller_behind_a_proxy_is_whom_the_proxy_saw(address, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for time in range(check.CHECKS_A_MINUTE + 1):
        claimed = f"1.1.1.{time}, 10.0.0.1"
        last = Client().get(address, headers={"X-Forwarded-For": claimed})

    assert last.status_code == 429
    assert Client().get(address, headers={"X-Forwarded-For": "10.0.0.2"}).status_code == 200
    assert Client().get(address).status_code == 200


def test_minute_that_ends_between_two_calls_lets_pass(address, monkeypatch):
    monkeypatch.setattr(cache, "add", lambda *_args, **_kwargs: False)

    assert Client().get(address).status_code == 200


def test_html_receipt_carries_the_code(scene, enter, vend, address):
    page = enter(scene.asha).post(f"/counter/sold/{vend.pk}/receipt/").content.decode()

    assert 'class="qr" src="data:image/svg+xml' in page


def test_code_leads_to_the_public_address_when_there_is_one(scene, rf):
    from dataclasses import replace

    from gridtill.apps.organization.queries import utility_settings

    utility = utility_settings()
    public = replace(utility, public_url="https://tokens.example")

    assert check_url(rf.get("/"), 7, utility) == f"http://testserver/r/{make_code(7, SECRET)}"
    assert check_url(rf.get("/"), 7, public) == f"https://tokens.example/r/{make_code(7, SECRET)}"
