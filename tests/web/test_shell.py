import re
from dataclasses import replace

import pytest
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import RequestFactory

from gridtill.apps.staff.choices import Permission
from gridtill.kernel.actors import Actor
from gridtill.web import menu as menus
from gridtill.web import shell as shells
from gridtill.web.menu import MenuGroup, MenuItem
from gridtill.web.middleware import POLICY, ContentSecurityPolicy
from gridtill.web.shell import Shell

pytestmark = pytest.mark.web

GROUPS = (
    MenuGroup("", (MenuItem("styleguide", "list", "Guide", keys="s"),)),
    MenuGroup(
        "Sell", (MenuItem("no_such_page", "bolt", "Nowhere"), MenuItem("set_language", "language", "Words", ("a.b",)))
    ),
)
CLERK = Actor(id=7, name="Asha", unit_path="1/", permissions=frozenset())


def asked(path="/", actor=CLERK, **cookies):
    request = RequestFactory().get(path)
    request.COOKIES.update(cookies)
    request.actor = actor
    return request


@pytest.fixture(autouse=True)
def _small_menu(monkeypatch, settings):
    settings.ROOT_URLCONF = "gridtill.web.shell_urls"
    monkeypatch.setattr(shells, "MENU", GROUPS)
    monkeypatch.setattr(shells, "sources", shells.Sources())


def labels(shell):
    return [entry.label for _label, entries in shell.menu for entry in entries]


def test_menu_leaves_out_pages_that_do_not_exist_and_rights_not_held():
    assert labels(Shell(asked())) == ["Guide"]
    assert [label for label, _entries in Shell(asked()).menu] == [""]


def test_menu_shows_what_any_one_of_the_rights_opens():
    holder = replace(CLERK, permissions=frozenset({"a.b"}))

    assert labels(Shell(asked(actor=holder))) == ["Guide", "Words"]


def test_menu_is_empty_for_nobody():
    assert Shell(asked(actor=None)).menu == []


def test_menu_marks_the_page_below_its_entry_as_current():
    (guide,) = Shell(asked("/styleguide/part/")).shortcuts

    assert (guide.current, guide.keys) == (True, "s")


def test_every_menu_entry_has_its_own_key_and_a_known_permission():
    items = [item for group in menus.MENU for item in group.items]
    keys = [item.keys for item in items if item.keys]

    assert len(keys) == len(set(keys))
    assert {right for item in items for right in item.permissions} <= set(Permission.values)


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("neon", "light"), ("", "light")])
def test_theme_comes_from_the_cookie_and_only_known_ones_count(cookie, theme):
    assert Shell(asked(gridtill_theme=cookie)).theme == theme


def test_till_and_alerts_are_asked_of_their_areas(monkeypatch):
    chip = shells.TillChip("Till 3", 500)
    monkeypatch.setattr(shells, "sources", shells.Sources(till=lambda _request: chip, alert_count=lambda _request: 4))

    assert (Shell(asked()).till, Shell(asked()).alert_count) == (chip, 4)
    assert (Shell(asked(actor=None)).till, Shell(asked(actor=None)).alert_count) == (None, 0)


def test_policy_allows_this_site_alone_and_nothing_inline():
    directives = dict(part.split(" ", 1) for part in POLICY.split("; "))

    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize(("kind", "cached"), [("text/html; charset=utf-8", False), ("application/json", True)])
def test_pages_are_kept_out_of_caches_and_carry_the_policy(kind, cached):
    answer = ContentSecurityPolicy(lambda _request: HttpResponse("x", content_type=kind))(asked())

    assert answer.headers["Content-Security-Policy"] == POLICY
    assert ("Cache-Control" not in answer.headers) == cached


@pytest.mark.parametrize("code", [400, 403, 404, 500])
def test_error_pages_say_what_happened_what_is_safe_and_what_to_do(code):
    text = render_to_string(f"{code}.html")

    heading = re.search(r"<h1>(.+)</h1>", text).group(1)
    paragraphs = re.findall(r"<p>([^<]+)</p>", text)
    assert heading
    assert len(paragraphs) == 2
    assert all(len(paragraph) > 15 for paragraph in paragraphs)
