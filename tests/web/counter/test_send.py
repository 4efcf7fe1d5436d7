"""The buttons that send a token, and what the page says of the end."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gridtill.apps.vending.models import TokenMessage
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.sales import sell
from tests.factories.scene import make_supply

pytestmark = [pytest.mark.web, pytest.mark.django_db]


@pytest.fixture
def box(settings, tmp_path):
    settings.SMS_URL = f"file://{tmp_path}/messages.jsonl"
    settings.MAIL_URL_SECRET = ""
    return tmp_path / "messages.jsonl"


@pytest.fixture
def vend(scene):
    found = sell(scene, make_supply(scene).pk)
    issue_token(vend_id=found.pk, actor=scene.asha, at=now())
    return found


def test_the_text_holds_what_the_customer_needs(scene, enter, box, vend):
    desk = enter(scene.asha)
    ways = desk.get(f"/counter/sold/{vend.pk}/").context["ways"]
    assert [(way.code, way.address) for way in ways] == [("SMS", "+254700000001")]

    sent = {"way": "SMS", "request_id": str(ways[0].request_id)}
    for _press in range(2):
        page = desk.post(f"/counter/sold/{vend.pk}/send/", sent, follow=True)
    assert "Sent to +254700000001." in page.content.decode()
    (line,) = box.read_text(encoding="utf-8").splitlines()
    text = json.loads(line)["text"]
    vend.delivery.refresh_from_db()
    digits = vend.delivery.token
    assert " ".join(digits[at : at + 4] for at in range(0, 20, 4)) in text
    assert vend.number in text
    assert "+254700000001" in desk.get(f"/purchases/{vend.pk}/").content.decode()


def test_without_a_carrier_there_is_no_button(scene, enter, vend, settings):
    settings.SMS_URL = settings.MAIL_URL_SECRET = ""
    desk = enter(scene.asha)

    assert desk.get(f"/counter/sold/{vend.pk}/").context["ways"] == []
    page = desk.post(f"/counter/sold/{vend.pk}/send/", {"way": "SMS", "request_id": str(new_id())}, follow=True)
    assert "No carrier" in page.content.decode()
    assert TokenMessage.objects.count() == 0


def test_what_is_no_way_and_no_request_is_not_there(scene, enter, box, vend):
    desk = enter(scene.asha)

    assert desk.post(f"/counter/sold/{vend.pk}/send/", {"way": "PIGEON"}).status_code == 404
    assert desk.post(f"/counter/sold/{vend.pk}/send/", {"way": "SMS", "request_id": "x"}).status_code == 404
    assert desk.post(f"/counter/sold/{new_id()}/send/", {"way": "SMS", "request_id": str(new_id())}).status_code == 404
    assert not box.exists()


def test_who_only_prints_sends_without_seeing_the_digits(scene, enter, box, vend):
    clerk = enter(replace(scene.bram, permissions=frozenset({"vend.view", "vend.reprint"})))
    vend.delivery.refresh_from_db()

    page = clerk.post(
        f"/counter/sold/{vend.pk}/send/", {"way": "SMS", "request_id": str(new_id()), "back": "purchase"}, follow=True
    ).content.decode()
    assert "Sent to" in page
    assert vend.delivery.token[:4] + " " not in page
    assert (
        enter(replace(scene.asha, permissions=frozenset({"vend.view"})))
        .post(f"/counter/sold/{vend.pk}/send/")
        .status_code
        == 403
    )
