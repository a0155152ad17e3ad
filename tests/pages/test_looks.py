import os
from pathlib import Path
from typing import Literal

import pytest

from tests.pages.conftest import SERVICES, NewReader, Reader
from tests.pages.samples import SAMPLES
from tests.pages.samples.base import Sample

pytestmark = pytest.mark.browser

CHECKS = (Path(__file__).parent / "checks.js").read_text()
SHOTS = os.environ.get("SHOTS")  # a folder: keep what the browser saw
# A desk, the narrowest window with a rail, the narrowest with tables, a phone.
VIEWS: list[tuple[int, Literal["light", "dark"]]] = [
    (1280, "light"), (1280, "dark"), (1181, "light"), (961, "dark"), (400, "light"), (400, "dark"),
]  # fmt: skip
BY_NAME = {sample.name: sample for sample in SAMPLES}
PARTS = {
    "base.html",
    "bare.html",
    "macros.html",
    "finance.html",
    "parked_event.html",
    "statement_parts.html",
    "user_fields.html",
    "wish_parts.html",
    "order_certificates.html",
    "order_requests.html",
    "order_notes.html",
}


async def wrong(reader: Reader, width: int, scheme: Literal["light", "dark"]) -> list[str]:
    await reader.look(width, scheme)
    found: list[str] = await reader.page.evaluate(CHECKS)
    return [f"{width} {scheme}: {sentence}" for sentence in found]


async def keep(reader: Reader, path: str) -> None:
    for width, scheme in VIEWS:
        await reader.look(width, scheme)
        await reader.page.screenshot(path=f"{path}-{width}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("sample", SAMPLES, ids=BY_NAME)
async def test_a_page_is_legible_labelled_and_fits_wide_and_narrow_light_and_dark(
    passer_by: Reader, sample: Sample
) -> None:
    await passer_by.open(sample)
    faults = [fault for view in VIEWS for fault in await wrong(passer_by, *view)]
    if SHOTS:
        await keep(passer_by, f"{SHOTS}/{sample.name}")
    assert [*faults, *passer_by.complaints] == []


@pytest.mark.parametrize("name", ["invoices", "operations"])
async def test_a_phone_has_the_whole_navigation_and_sign_out_behind_one_button(window: NewReader, name: str) -> None:
    phone = await window(400, 640, script=False)
    await phone.open(BY_NAME[name])
    leave = phone.page.get_by_role("button", name="Sign out")
    assert not await leave.is_visible()
    await phone.page.get_by_role("button", name="Menu").click()
    assert await leave.is_visible()
    await leave.scroll_into_view_if_needed()
    assert await phone.page.get_by_role("link", name="Invoices").first.is_visible()


@pytest.mark.parametrize("width", [1280, 400])
async def test_the_keyboard_reaches_the_content_first_and_focus_is_seen(window: NewReader, width: int) -> None:
    reader = await window(width)
    await reader.open(BY_NAME["invoices"])
    await reader.page.keyboard.press("Tab")
    box = await reader.page.get_by_role("link", name="Skip to content").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    await reader.page.keyboard.press("Enter")
    await reader.page.keyboard.press("Tab")
    assert await reader.page.evaluate("document.activeElement.closest('main') !== null")
    assert await reader.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_a_long_menu_scrolls_instead_of_hiding_sign_out(window: NewReader) -> None:
    low = await window(1280, 420)
    await low.open(BY_NAME["operations"])
    leave = low.page.get_by_role("button", name="Sign out")
    await leave.scroll_into_view_if_needed()
    box = await leave.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 420


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_printed_invoice_is_the_invoice_alone_and_dark_on_white(
    window: NewReader, scheme: Literal["light", "dark"]
) -> None:
    paper = await window(794)  # A4 at 96 dots an inch
    await paper.open(BY_NAME["invoice"])
    await paper.page.emulate_media(media="print", color_scheme=scheme)
    for left_out in (".rail", ".actions", ".crumbs"):
        assert not await paper.page.locator(left_out).is_visible()
    assert await paper.page.locator("table thead").first.is_visible()
    assert await paper.page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(20, 24, 31)"


async def test_times_are_in_the_readers_zone_with_utc_on_hover_and_in_utc_without_script(window: NewReader) -> None:
    for script, text in ((True, "2026-11-23 11:04"), (False, "2026-11-23 10:04 UTC")):
        reader = await window(script=script)
        await reader.open(BY_NAME["invoice"])
        time = reader.page.locator("time.moment").first
        assert await time.text_content() == text
        assert "2026-11-23 10:04:07 UTC" in (await time.get_attribute("title") or "")


async def test_the_record_to_publish_is_copied_exactly_by_its_button(reader: Reader) -> None:
    await reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await reader.open(BY_NAME["order-unproven"])
    value = reader.page.locator("dl.record dd").nth(2)
    await value.get_by_role("button", name="Copy").click()
    await value.get_by_role("button", name="Copied").wait_for(timeout=5_000)
    assert await reader.page.evaluate("navigator.clipboard.readText()") == "k3v9" * 8


async def test_what_a_record_says_is_text_never_markup(reader: Reader) -> None:
    await reader.open(BY_NAME["parked-hostile"])
    assert await reader.page.locator("main img, main script, main b").count() == 1  # the note's own bold sentence
    assert reader.complaints == []


@pytest.mark.parametrize(
    ("name", "heads"),
    [("invoices", ["Total (EUR)", "Amount due (EUR)"]), ("invoices-operator", ["Total", "Amount due"])],
)
async def test_the_currency_stands_once_in_the_head_unless_rows_differ(
    reader: Reader, name: str, heads: list[str]
) -> None:
    await reader.open(BY_NAME[name])
    assert await reader.page.locator("th.num").all_text_contents() == heads
    amounts = await reader.page.locator("td.num").all_inner_texts()
    assert all(("EUR" in text or "JPY" in text or "BHD" in text) is (name == "invoices-operator") for text in amounts)


@pytest.mark.parametrize(
    ("role", "links"),
    [
        ("standard_user", ["Orders", "Organizations", "Domains", "Account"]),
        ("limited_user", ["Orders", "Organizations", "Account"]),
    ],
)
async def test_who_may_not_see_finances_is_not_led_there(reader: Reader, role: str, links: list[str]) -> None:
    await reader.open(BY_NAME[f"confirm-{role}"])
    assert await reader.page.locator("nav[aria-label=Main] a").all_text_contents() == links


def test_every_page_has_a_sample() -> None:
    folders = [SERVICES.parent / "shared" / "templates", *SERVICES.glob("*/templates")]
    pages = {path.name for folder in folders for path in folder.glob("*.html")}
    assert pages - PARTS == {sample.template for sample in SAMPLES}
