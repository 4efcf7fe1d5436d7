"""The first sale, as a cashier, a supervisor and a manager play it, all at the keyboard."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journey.conftest import PASSWORD

pytestmark = pytest.mark.journey
# What the demonstration prints for trying its tokens out.
DEMO_VENDING_KEY = "0fe956ef9f305fb7a9061e0b26c78bb705c40eaf"


def sign_in(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}/login/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login/**")


def decoded(token: str, meter: str) -> str:
    """Ask the command what the token holds, as anybody with the meter's key can."""
    command = [
        str(Path(sys.executable).with_name("gridtill")),
        "sts",
        "decode",
        token,
        "--drn",
        meter,
        "--sgc",
        "600101",
    ]
    command += ["--vending-key", DEMO_VENDING_KEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def sell_for_100(page: Page, site: str, images: Path) -> tuple[str, str]:
    """Sell at the keyboard alone; return the token and the address of the purchase."""
    page.locator("#q").press_sequentially("C100001")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-customer]")
    expect(page.locator("[data-amount]")).to_be_focused()
    page.keyboard.type("100")
    expect(page.locator("[data-quoted='100']")).to_be_visible()
    page.screenshot(path=images / "counter-quote.png")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-done]")
    page.screenshot(path=images / "counter-sold.png")
    token = re.sub(r"\D", "", page.locator("[data-token]").inner_text())
    units = page.locator(".done-f dd").first.inner_text().replace("\N{NO-BREAK SPACE}kWh", "")
    assert len(token) == 20
    assert f"energy: {units} kWh" in decoded(token, page.locator(".tok bdi").inner_text())
    return token, page.url


def end_the_shift(page: Page, site: str, images: Path) -> None:
    page.goto(f"{site}/till/")
    assert "5,100" not in page.inner_text("main")
    page.fill("#face-1000", "5")
    page.fill("#face-100", "1")
    page.screenshot(path=images / "till.png")
    page.get_by_role("button", name="Close the till").click()
    page.locator("[data-confirm-yes]").click()
    expect(page.get_by_text("Counted, and it agrees")).to_be_visible()
    sign_out(page)
    sign_in(page, site, "supervisor")
    page.goto(f"{site}/till/")
    page.get_by_role("button", name="Sign and close the shift").click()
    expect(page.get_by_text("The shift is closed")).to_be_visible()
    sign_out(page)


def test_first_sale_from_signing_in_to_the_closed_day(page: Page, site: str, images: Path) -> None:
    page.goto(f"{site}/login/")
    page.screenshot(path=images / "sign-in.png")
    sign_in(page, site, "cashier")
    expect(page.locator(".chart canvas, .chart svg").first).to_be_visible()
    page.screenshot(path=images / "desktop.png")

    page.goto(f"{site}/counter/")
    expect(page.get_by_text("The till is closed")).to_be_visible()
    page.goto(f"{site}/till/")
    page.fill("#float", "5000")
    page.locator("#float").press("Enter")
    page.wait_for_url("**/counter/")
    token, sold_at = sell_for_100(page, site, images)

    # Loading the page again shows the same purchase and sells nothing.
    page.reload()
    assert re.sub(r"\D", "", page.locator("[data-token]").inner_text()) == token
    with page.context.expect_page() as opened:
        page.keyboard.press("F9")
    receipt = opened.value
    receipt.wait_for_load_state()
    assert token[:4] in receipt.inner_text("body")
    receipt.screenshot(path=images / "receipt.png")
    receipt.close()
    end_the_shift(page, site, images)

    sign_in(page, site, "bureau.manager")
    page.goto(f"{site}/balance/")
    expect(page.locator("tr", has_text="Cash").first.locator("td").nth(2)).to_have_text("100.00")
    page.screenshot(path=images / "daily-balance.png")
    page.get_by_role("button", name="Close the day").click()
    page.locator("[data-confirm-yes]").click()
    page.wait_for_url("**/balance/closed/**")
    page.screenshot(path=images / "closed-day.png")
    page.goto(sold_at)
    assert token[:4] not in page.inner_text("main")


def test_pressing_enter_like_mad_sells_once(page: Page, site: str) -> None:
    sign_in(page, site, "administrator")
    page.goto(f"{site}/till/")
    page.locator("#float").press("Enter")
    page.wait_for_url("**/counter/")
    page.locator("#q").press_sequentially("C100002")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-quoted]")
    for _ in range(8):
        page.keyboard.press("Enter")
    page.wait_for_selector("[data-done]")
    page.goto(f"{site}/purchases/?q=C100002&till={_till(page)}")

    assert page.locator("tbody a[data-row]").count() == 1


def _till(page: Page) -> str:
    """Return the id of the till that was used last, from the conditions of the records."""
    page.goto(page.url.split("/counter")[0] + "/till/")
    name = page.locator(".chip bdi").first.inner_text()
    page.goto(page.url.replace("/till/", "/balance/"))
    return page.locator("#id_till option", has_text=name).get_attribute("value") or ""


def test_energy_is_typed_and_paid_in_two_ways(page: Page, site: str, images: Path) -> None:
    sign_in(page, site, "administrator")
    page.goto(f"{site}/counter/")
    page.locator("#q").press_sequentially("C100003")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-quoted]")
    page.keyboard.press("F4")
    page.keyboard.type("10")
    expect(page.locator("[data-quoted='10'][data-unit=kwh]")).to_be_visible()
    page.locator(".ways summary").click()
    page.select_option("#pay1", "MOBILE_MONEY")
    page.fill("#part1", "50")
    page.fill("#reference1", "QX123")
    page.screenshot(path=images / "counter-ways.png")
    page.locator("[data-sell]").click()
    page.wait_for_selector("[data-done]")

    assert page.locator(".done-f dd").first.inner_text() == "10\N{NO-BREAK SPACE}kWh"
    assert "QX123" in page.inner_text("[data-done]")


def test_lost_answer_is_asked_for_and_nothing_is_sold_twice(page: Page, site: str) -> None:
    sign_in(page, site, "administrator")
    page.goto(f"{site}/counter/")
    page.locator("#q").press_sequentially("C100004")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-quoted]")
    answers: list[int] = []

    def lose(route) -> None:  # type: ignore[no-untyped-def]
        answers.append(route.fetch().status)
        route.abort("connectionreset")

    page.route("**/counter/sell/**", lose)
    page.locator("[data-sell]").click()
    expect(page.get_by_text("The answer was lost")).to_be_visible()
    page.wait_for_url("**/counter/sold/**")

    assert answers == [200]
    assert len(re.sub(r"\D", "", page.locator("[data-token]").inner_text())) == 20


def test_request_that_never_arrived_may_be_sold_again(page: Page, site: str) -> None:
    sign_in(page, site, "administrator")
    page.goto(f"{site}/counter/")
    page.locator("#q").press_sequentially("C100006")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-quoted]")
    page.route("**/counter/sell/**", lambda route: route.abort("connectionrefused"))
    page.locator("[data-sell]").click()
    expect(page.get_by_text("It was not sold")).to_be_visible()
    page.unroute("**/counter/sell/**")
    page.locator("[data-sell]").click()
    page.wait_for_selector("[data-done]")


def test_archives_open_down_to_the_customers_of_a_transformer(page: Page, site: str, images: Path) -> None:
    sign_in(page, site, "archive.clerk")
    page.goto(f"{site}/archives/")
    office = page.locator("[role=treeitem]", has_text="Ridge 33/11 kV").last
    office.locator(".tw").first.click()
    plant = office.locator("[role=treeitem]").first
    expect(plant).to_be_visible()
    plant.locator(".tl").click()
    expect(page.locator(".list-rows tbody tr").first).to_be_visible()
    page.screenshot(path=images / "archives.png")
    assert page.locator("[aria-selected=true]").count() == 1


def test_customer_is_picked_for_a_debt_at_the_keyboard(page: Page, site: str) -> None:
    sign_in(page, site, "administrator")
    page.goto(f"{site}/debts/add/")
    page.locator("[data-picker-open]").press("Enter")
    page.locator("[data-picker-search]").press_sequentially("C100007")
    expect(page.locator("[role=option][data-value=C100007]")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.locator("#id_customer")).to_have_value("C100007")


@pytest.mark.parametrize(("width", "height", "theme"), [(390, 844, "dark"), (1024, 768, "light")])
def test_pages_fit_the_screen(page: Page, site: str, images: Path, width: int, height: int, theme: str) -> None:
    sign_in(page, site, "administrator")
    page.context.add_cookies([{"name": "gridtill_theme", "value": theme, "url": site}])
    page.set_viewport_size({"width": width, "height": height})
    for path in ("/", "/counter/", "/till/", "/purchases/", "/balance/", "/accounts/", "/archives/", "/assets/meters/"):
        page.goto(f"{site}{path}")
        page.wait_for_load_state("load")
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{path} is {wider} px wider than {width}"
    page.goto(f"{site}/counter/")
    page.locator("#q").press_sequentially("C100012")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-quoted]")
    page.screenshot(path=images / f"counter-{width}-{theme}.png")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
