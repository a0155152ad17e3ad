import os
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.pages.conftest import SERVICES, Reader
from tests.pages.samples import SAMPLES, Sample

pytestmark = pytest.mark.browser

CHECKS = (Path(__file__).parent / "checks.js").read_text()
SHOTS = os.environ.get("SHOTS")  # a folder: keep what the browser saw
BY_NAME = {sample.name: sample for sample in SAMPLES}
PARTS = {"base.html", "bare.html", "macros.html", "finance.html"}


@pytest.mark.parametrize("sample", SAMPLES, ids=BY_NAME)
async def test_a_page_is_legible_labelled_and_fits_its_window(reader: Reader, sample: Sample) -> None:
    await reader.open(sample)
    wrong = await reader.page.evaluate(CHECKS)
    if SHOTS:
        width = reader.page.viewport_size["width"] if reader.page.viewport_size else 0
        scheme = await reader.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
        await reader.page.screenshot(path=f"{SHOTS}/{sample.name}-{width}-{scheme}.png", full_page=True)
    assert [*wrong, *reader.complaints] == []


@pytest.mark.parametrize("sample", [BY_NAME["invoices"], BY_NAME["operations"]], ids=lambda sample: sample.name)
async def test_a_phone_has_the_whole_navigation_and_sign_out_behind_one_button(
    browser: Browser, origin: str, sample: Sample
) -> None:
    context = await browser.new_context(viewport={"width": 400, "height": 640}, java_script_enabled=False)
    phone = Reader(await context.new_page(), origin)
    await phone.open(sample)
    leave = phone.page.get_by_role("button", name="Sign out")
    assert not await leave.is_visible()
    await phone.page.get_by_role("button", name="Menu").click()
    assert await leave.is_visible()
    await leave.scroll_into_view_if_needed()
    assert await phone.page.get_by_role("link", name="Invoices").first.is_visible()
    await context.close()


async def test_the_keyboard_reaches_the_content_first_and_focus_is_seen(reader: Reader) -> None:
    await reader.open(BY_NAME["invoices"])
    await reader.page.keyboard.press("Tab")
    skip = reader.page.get_by_role("link", name="Skip to content")
    box = await skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    await reader.page.keyboard.press("Enter")
    await reader.page.keyboard.press("Tab")
    assert await reader.page.evaluate("document.activeElement.closest('main') !== null")
    assert await reader.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_a_long_menu_scrolls_instead_of_hiding_sign_out(browser: Browser, origin: str) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 420})
    low = Reader(await context.new_page(), origin)
    await low.open(BY_NAME["operations"])
    leave = low.page.get_by_role("button", name="Sign out")
    await leave.scroll_into_view_if_needed()
    box = await leave.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 420
    await context.close()


async def test_a_printed_invoice_is_the_invoice_alone_and_dark_on_white(reader: Reader) -> None:
    await reader.open(BY_NAME["invoice"])
    await reader.page.emulate_media(media="print")
    for left_out in (".rail", ".actions", ".crumbs"):
        assert not await reader.page.locator(left_out).is_visible()
    assert await reader.page.locator("h1").is_visible()
    assert await reader.page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(20, 24, 31)"


async def test_times_are_in_the_readers_zone_with_utc_on_hover_and_in_utc_without_script(
    reader: Reader, browser: Browser, origin: str
) -> None:
    await reader.open(BY_NAME["invoice"])
    time = reader.page.locator("time.moment").first
    assert await time.text_content() == "2026-11-23 11:04"
    assert await time.get_attribute("title") == "Europe/Berlin; 2026-11-23 10:04:07 UTC"
    context = await browser.new_context(java_script_enabled=False)
    plain = Reader(await context.new_page(), origin)
    await plain.open(BY_NAME["invoice"])
    assert await plain.page.locator("time.moment").first.text_content() == "2026-11-23 10:04 UTC"
    await context.close()


async def test_what_a_record_says_is_text_never_markup(reader: Reader) -> None:
    await reader.open(BY_NAME["parked-hostile"])
    assert await reader.page.locator("main img, main script, main b").count() == 1  # the note's own bold sentence
    assert reader.complaints == []


@pytest.mark.parametrize(
    ("rows", "columns"),
    [("invoices", {"Total (EUR)", "Amount due (EUR)"}), ("invoices-operator", {"Total", "Amount due"})],
)
async def test_the_currency_stands_in_the_column_head_or_beside_each_amount(
    browser: Browser, origin: str, rows: str, columns: set[str]
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 860})
    desk = Reader(await context.new_page(), origin)
    await desk.open(BY_NAME[rows])
    assert set(await desk.page.locator("th.num").all_text_contents()) == columns
    await context.close()


@pytest.mark.parametrize("role", ["standard_user", "limited_user"])
async def test_who_may_not_see_finances_is_not_led_there(browser: Browser, origin: str, role: str) -> None:
    context = await browser.new_context()
    page = Reader(await context.new_page(), origin)
    await page.open(BY_NAME[f"confirm-{role}"])
    links = await page.page.locator("nav[aria-label=Main] a").all_text_contents()
    assert links == ["Orders"]
    await context.close()


def test_every_page_has_a_sample() -> None:
    folders = [SERVICES.parent / "shared" / "templates", *SERVICES.glob("*/templates")]
    pages = {path.name for folder in folders for path in folder.glob("*.html")}
    assert pages - PARTS == {sample.template for sample in SAMPLES}
