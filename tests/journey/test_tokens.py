"""A meter's next key and its next purchase, from the engineer's wish to the light in the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journey.test_first_sale import sign_in, sign_out

pytestmark = pytest.mark.journey
CUSTOMER = "C100007"


def digits_of(text: str) -> str:
    return re.sub(r"\D", "", text)


def sell(page: Page, site: str) -> tuple[str, list[str], str]:
    """Sell for 100 and return the meter, the key change's tokens and the purchase's."""
    page.goto(f"{site}/counter/")
    page.locator("#q").press_sequentially(CUSTOMER)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-customer]")
    page.keyboard.type("100")
    expect(page.locator("[data-quoted='100']")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-done]")
    first = [digits_of(token.inner_text()) for token in page.locator(".tok-first li").all()]
    return page.locator(".tok bdi").inner_text(), first, digits_of(page.locator("[data-token]").inner_text())


def key_in(page: Page, digits: str) -> str:
    """Type digits at the meter and return its word for them."""
    page.locator("#digits").press_sequentially(digits)
    page.keyboard.press("Enter")
    # The answer brings an empty field back.
    expect(page.locator("#digits")).to_have_value("")
    return page.locator(".pm-led b").inner_text()


def test_key_change_with_a_purchase_is_taken_in_printed_order(page: Page, site: str, images: Path) -> None:
    sign_in(page, site, "administrator")
    page.goto(f"{site}/till/")
    if page.locator("#float").count():
        page.locator("#float").press("Enter")
        page.wait_for_url("**/counter/")
    meter, nothing, before = sell(page, site)
    assert nothing == []
    page.goto(f"{site}/practice/?number={meter}")
    assert key_in(page, before) == "accepted"
    credit = page.locator(".pm-lcd").inner_text()
    sign_out(page)

    sign_in(page, site, "engineer")
    page.goto(f"{site}/tokens/ask/key-change/")
    page.fill("[name=meters]", meter)
    page.fill("[name=key_revision]", "2")
    page.check("[name=with_next_purchase]")
    page.fill("[name=reason]", "The group goes over to its second key")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tokens/batch/**")
    batch = page.url
    sign_out(page)

    sign_in(page, site, "supervisor")
    page.goto(batch)
    page.get_by_role("button", name="Agree").click()
    expect(page.get_by_text("With the next purchase")).to_be_visible()
    sign_out(page)

    sign_in(page, site, "administrator")
    _meter, first, token = sell(page, site)
    page.screenshot(path=images / "key-change-sold.png")
    assert len(first) == 4
    page.goto(f"{site}/practice/{meter}/")
    assert key_in(page, token) == "rejected"
    assert [key_in(page, digits) for digits in first][-1] == "accepted"
    assert key_in(page, token) == "accepted"
    assert page.locator(".pm-lcd").inner_text() != credit
    # A picture leaves an empty style on the field, which must not be swapped any more.
    page.screenshot(path=images / "virtual-meter.png")
    page.reload()
    assert key_in(page, token) == "used"

    page.goto(batch)
    page.screenshot(path=images / "engineering.png")
    page.get_by_role("button", name="The meter took it").click()
    expect(page.get_by_text("Noted: the meter took it.")).to_be_visible()
    page.goto(f"{site}/tokens/check/")
    page.fill("[name=token]", token)
    page.keyboard.press("Enter")
    expect(page.get_by_text("This token was sold here")).to_be_visible()


def test_kettle_uses_the_credit_up_and_the_light_goes_out(page: Page, site: str) -> None:
    sign_in(page, site, "administrator")
    page.goto(f"{site}/counter/?customer=9")
    meter = page.locator("[data-customer] .mono").first.inner_text()
    page.goto(f"{site}/practice/?number={digits_of(meter)}")
    expect(page.get_by_text("Light off")).to_be_visible()
    page.get_by_role("button", name="A kettle").click()
    expect(page.get_by_role("button", name="A kettle")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Open it").click()
    expect(page.get_by_text("off: tamper")).to_be_visible()
    for key in "1234":
        page.get_by_role("button", name=key, exact=True).click()
    expect(page.locator("#digits")).to_have_value("1234")
    page.get_by_role("button", name="Erase the last digit").click()
    expect(page.locator("#digits")).to_have_value("123")
