"""The virtual meters of the demonstration, typed at as customers do."""

from __future__ import annotations

import pytest

from gridtill.apps.assets.models import Meter
from gridtill.apps.keystore.models import VendingKey
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.kernel.clock import now
from gridtill.sim.keypad.store import read
from tests.factories.sales import sell
from tests.factories.scene import make_supply, meter_number

pytestmark = [pytest.mark.web, pytest.mark.django_db]


@pytest.fixture
def folder(settings, tmp_path):
    settings.PRACTICE_FOLDER = str(tmp_path / "meters")
    return tmp_path / "meters"


@pytest.fixture
def supply(scene):
    VendingKey.objects.update(is_demo=True)
    return make_supply(scene)


@pytest.fixture
def home(scene, enter, folder, supply):
    return enter(scene.asha)


@pytest.fixture
def number(supply):
    return Meter.objects.get().number


def test_the_token_that_was_sold_raises_the_credit_once(scene, home, supply, number, folder):
    delivery = issue_token(vend_id=sell(scene, supply.pk).pk, actor=scene.asha, at=now())
    assert home.get(f"/practice/?number={number}").url == f"/practice/{number}/"
    home.get(f"/practice/{number}/")

    part = home.post(f"/practice/{number}/enter/", {"digits": delivery.token}, headers={"HX-Request": "true"})
    assert "+5 kWh" in part.content.decode()
    again = home.post(f"/practice/{number}/enter/", {"digits": delivery.token}, headers={"HX-Request": "true"})
    assert "used" in again.content.decode()
    assert read(folder / f"{number}.json").remaining_wh == 5000
    assert number in home.get("/practice/").content.decode()


def test_the_house_draws_and_the_light_goes_out(home, number, folder, scene, supply):
    delivery = issue_token(vend_id=sell(scene, supply.pk).pk, actor=scene.asha, at=now())
    home.post(f"/practice/{number}/enter/", {"digits": delivery.token})
    home.post(f"/practice/{number}/do/", {"act": "load", "value": "6000"})
    page = home.post(f"/practice/{number}/do/", {"act": "run", "value": "86400"}, headers={"HX-Request": "true"})

    assert "off: no credit" in page.content.decode()
    home.post(f"/practice/{number}/do/", {"act": "tamper"})
    home.post(f"/practice/{number}/do/", {"act": "supply", "value": "off"})
    held = read(folder / f"{number}.json")
    assert (held.used_wh, held.security.is_tampered, held.has_supply) == (5000, True, False)
    home.post(f"/practice/{number}/do/", {"act": "supply", "value": "on"})
    assert read(folder / f"{number}.json").has_supply


@pytest.mark.parametrize("sent", [{"act": "explode"}, {"act": "load", "value": "7"}, {"act": "run", "value": "x"}, {}])
def test_what_a_house_cannot_do_is_not_there(home, number, sent):
    assert home.post(f"/practice/{number}/do/", sent).status_code == 404


@pytest.mark.parametrize("path", ["..%2F..%2Fetc%2Fpasswd", "12", "x" * 11, meter_number(77)])
def test_meters_that_do_not_exist_are_not_made(home, folder, path):
    assert home.get(f"/practice/{path}/").status_code == 404
    assert not folder.exists()


def test_a_number_that_is_not_in_the_archives_is_said(home):
    assert "no meter with this number" in home.get("/practice/?number=123").content.decode()


def test_keys_of_real_groups_are_not_given_to_virtual_meters(home, number, folder):
    VendingKey.objects.update(is_demo=False)

    page = home.get(f"/practice/{number}/", follow=True)
    assert "Only keys of a demonstration" in page.content.decode()
    assert not folder.exists()


def test_nor_are_any_in_production(home, number, folder, settings):
    settings.MODE = "production"

    home.get(f"/practice/{number}/")
    assert not folder.exists()


def test_looking_is_not_for_everybody(scene, enter, folder, supply, number):
    from dataclasses import replace

    auditor = enter(replace(scene.bram, permissions=frozenset({"audit.view"})))
    assert auditor.get("/practice/").status_code == 403
    assert auditor.get(f"/practice/{number}/").status_code == 403
