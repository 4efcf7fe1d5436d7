"""Every page against WCAG 2.2 AA, as far as a machine can tell, by axe-core."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.journey.conftest import ROOT
from tests.journey.test_first_sale import sign_in

pytestmark = pytest.mark.journey
PAGES = (
    *("/", "/counter/", "/counter/?customer=1", "/till/", "/purchases/", "/balance/", "/banking/", "/accounts/"),
    *("/accounts/39/open/", "/debts/", "/debts/add/", "/recoveries/", "/archives/unit/3/", "/archives/transformer/1/"),
    *("/archives/customers/1/", "/archives/points/1/modify/", "/assets/meters/", "/assets/meters/add/", "/tariffs/"),
    *("/tariffs/versions/1/", "/tariffs/versions/1/try/", "/operators/", "/operators/1/", "/roles/", "/log/"),
    *("/notices/", "/settings/", "/halls/", "/keys/", "/keys/add/", "/profile/"),
    *("/tokens/", "/tokens/ask/", "/tokens/ask/key-change/", "/tokens/ask/test/", "/tokens/check/", "/practice/"),
    *("/practice/07000000013/",),
)
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}"
FOUND = f"axe.run(document, {RULES}).then(r => r.violations.map(v => `${{v.id}}: ${{v.nodes[0].html.slice(0, 160)}}`))"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_keep_to_the_rules_of_access(page: Page, site: str, theme: str) -> None:
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page.context.add_cookies([{"name": "gridtill_theme", "value": theme, "url": site}])
    sign_in(page, site, "administrator")
    wrong = {}
    for path in PAGES:
        answer = page.goto(f"{site}{path}")
        assert answer is not None
        assert answer.status == 200, path
        page.evaluate(axe)
        if found := page.evaluate(FOUND):
            wrong[path] = found

    assert wrong == {}


def test_check_finds_what_is_wrong(page: Page, site: str) -> None:
    page.goto(f"{site}/login/")
    page.evaluate(
        "document.querySelector('main, body').append(Object.assign(new Image(), {src: '/static/app/mark.svg'}))"
    )
    page.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))

    assert any(found.startswith("image-alt") for found in page.evaluate(FOUND))
