"""Paying and transferring in a real browser against the real service: what is ticked is what is paid."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

import pytest
import uvicorn
from playwright.async_api import Browser, Page
from starlette.responses import Response

from shared.web import start_session
from tests.billing.conftest import shop
from tests.billing.makers import take_key
from tests.billing.months import standing
from tests.billing.test_division_pages import separate
from tests.billing.test_from_funds import market
from tests.billing.test_pages import Asked
from tests.conftest import World

__all__ = ["market", "separate", "shop"]  # fixtures
pytestmark = pytest.mark.browser
Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def signed_in(separate: World, browser: Browser) -> AsyncIterator[Open]:
    """`await signed_in(width, script=False)`: a window on the console, with a finance contact's session."""
    config = uvicorn.Config(separate.host, host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    server, listener = uvicorn.Server(config), config.bind_socket()
    serving = asyncio.create_task(server.serve([listener]))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    await take_key(separate, "unused", kind="user", user_id=7, key_hash=None)
    answer = Response()
    start_session(Asked(separate), answer, 7)  # type: ignore[arg-type]
    name, _, value = answer.headers["set-cookie"].split(";")[0].partition("=")
    contexts = []

    async def open_window(width: int = 1280, script: bool = True) -> Page:
        contexts.append(
            await browser.new_context(
                base_url=origin, viewport={"width": width, "height": 860}, java_script_enabled=script
            )
        )
        await contexts[-1].add_cookies([{"name": name, "value": value, "url": origin}])
        return await contexts[-1].new_page()

    yield open_window
    for context in contexts:
        await context.close()
    server.should_exit = True
    await serving
    listener.close()


async def follow(page: Page, role: Literal["button", "link"], name: str) -> None:
    """To the page it leads to: a click alone returns while the old page is still there."""
    async with page.expect_navigation():
        await page.get_by_role(role, name=name, exact=True).click()


async def ticked(page: Page) -> list[str]:
    names = [await box.get_attribute("aria-label") for box in await page.locator("input[name=invoice]:checked").all()]
    return [str(name).removeprefix("Pay ") for name in names]


async def numbers(world: World, division: int) -> list[str]:
    query = "SELECT number FROM receivable WHERE division_id = :division ORDER BY due_on, invoice_id"
    return [row.number for row in await world.rows("billing", query, division=division)]


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("script", [True, False])
async def test_the_top_level_divisions_invoices_are_ticked_and_for_shows_another_divisions(
    separate: World, signed_in: Open, width: int, script: bool
) -> None:
    page = await signed_in(width, script)
    await page.goto("/finance/pay")
    assert await ticked(page) == await numbers(separate, 14)

    await page.locator("select[name=container_id]").select_option(label="Labs")
    await follow(page, "button", "Show")

    assert await ticked(page) == await numbers(separate, 15)
    assert "277.31" in await page.locator("dd.total").inner_text()


@pytest.mark.parametrize("script", [True, False])
async def test_what_is_unticked_is_not_paid(separate: World, signed_in: Open, script: bool) -> None:
    request, usage = await numbers(separate, 15)
    page = await signed_in(script=script)
    await page.goto("/finance/pay?container_id=15")
    await page.get_by_label(f"Pay {usage}").uncheck()
    await page.get_by_label(f"Amount for {request}").fill("60.00")
    await follow(page, "button", "Update total")
    assert "60.00" in await page.locator("dd.total").inner_text()
    assert await ticked(page) == [request]

    await follow(page, "button", "Pay by bank transfer")

    assert await page.locator("h1").inner_text() != "Pay invoice"
    assert "60.00" in await page.locator("main").inner_text()
    items = await separate.rows(
        "billing", "SELECT r.number, i.amount FROM payment_item AS i JOIN receivable AS r USING (invoice_id)"
    )
    assert [tuple(row) for row in items] == [(request, 6_000)]


async def test_a_monthly_invoice_is_paid_from_the_balance(separate: World, signed_in: Open) -> None:
    request, _ = await numbers(separate, 15)
    page = await signed_in(400)
    await page.goto("/finance/pay?container_id=15")
    await page.get_by_label(f"Pay {request}").uncheck()

    await follow(page, "button", "Pay from the balance")

    assert "paid from the account’s funds" in await page.locator("main").inner_text()
    assert await standing(separate, 15) == ("22.69", "0.00", "2022.69")


async def test_a_name_leads_to_a_division_and_its_form_transfers(separate: World, signed_in: Open) -> None:
    page = await signed_in()
    await page.goto("/finance/purchase-orders")
    await follow(page, "link", "Main")
    await page.get_by_label("Amount in EUR").fill("100.00")
    await page.locator("select[name=to_division]").select_option(label="Labs")
    await follow(page, "button", "Transfer")
    await page.locator("dl.figures").get_by_text("400.00").first.wait_for(timeout=10_000)

    assert (await standing(separate))[0] == "400.00"
    assert (await standing(separate, 15))[0] == "300.00"
