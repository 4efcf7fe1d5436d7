"""Addresses and forms that nobody types: answered in words, never with a fault of ours."""

from __future__ import annotations

import time

import pytest

from gridtill.apps.staff.models import SignIn

pytestmark = [pytest.mark.web, pytest.mark.django_db]


@pytest.mark.parametrize(
    "address",
    ["/operators/", "/archives/customers/", "/assets/meters/", "/log/", "/purchases/", "/counter/find/", "/search/"],
)
def test_null_characters_are_no_search(scene, enter, address):
    desk = enter(scene.bram)

    assert desk.get(f"{address}?q=%00").status_code == 400
    assert desk.post(address, {"q": "a\x00b"}).status_code == 400


@pytest.mark.parametrize("address", ["/log/", "/profile/", "/purchases/"])
def test_pages_beyond_every_list_show_one_that_there_is(scene, enter, address):
    assert enter(scene.bram).get(address, {"page": "9" * 30}).status_code == 200


@pytest.mark.parametrize("address", ["/counter/?customer=" + "9" * 5000, "/counter/?customer=" + "9" * 18])
def test_numbers_beyond_every_id_are_nobody(scene, enter, address):
    assert enter(scene.bram).get(address).status_code in {200, 404}


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(scene, enter, settings):
    settings.IDLE_TIMEOUT_S = 1200
    desk = enter(scene.bram)
    desk.get("/")
    session = desk.session
    session["seen_at"] = int(time.time()) - 1100
    session.save()

    assert desk.get("/?show=money", headers={"X-Unattended": "1"}).status_code == 200
    assert desk.session["seen_at"] < time.time() - 1000
    session = desk.session
    session["seen_at"] = int(time.time()) - 1300
    session.save()
    assert "why=idle" in desk.get("/?show=money", headers={"X-Unattended": "1"}).url
    assert SignIn.objects.get(outcome="IDLE").username == "bram"


def test_searches_keep_their_signs(scene, enter):
    assert enter(scene.bram).get("/archives/", {"q": "+254700 A&B#x"}).url == (
        "/archives/customers/?q=%2B254700+A%26B%23x"
    )
