"""Ordering and reissuing in a real browser against the real service: told, looked at once more, sent."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page

from tests.conftest import World
from tests.orders.conftest import PASSWORD, Company, acme
from tests.orders.makers import csr, rsa_key
from tests.orders.playing import issued
from tests.orders.test_pages_order_form import csr_for
from tests.pages.test_paying import follow

__all__ = ["acme"]  # a fixture
pytestmark = pytest.mark.browser
Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def signed_in(world: World, acme: Company, browser: Browser) -> AsyncIterator[Open]:
    """`await signed_in(width, script=False)`: a window on the console, where an administrator has signed in."""
    config = uvicorn.Config(world.host, host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    server, listener = uvicorn.Server(config), config.bind_socket()
    serving = asyncio.create_task(server.serve([listener]))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    contexts = []

    async def open_window(width: int = 1280, script: bool = True) -> Page:
        size = {"width": width, "height": 860}
        contexts.append(await browser.new_context(base_url=origin, viewport=size, java_script_enabled=script))  # type: ignore[arg-type]
        page = await contexts[-1].new_page()
        await page.goto("/sign-in")
        await page.get_by_label("E-mail address").fill(acme.emails["administrator"])
        await page.get_by_label("Password").fill(PASSWORD)
        await follow(page, "button", "Sign in")
        return page

    yield open_window
    for context in contexts:
        await context.close()
    server.should_exit = True
    await serving
    listener.close()


async def text_of(page: Page) -> str:
    return re.sub(r"\s+", " ", await page.locator("main").inner_text())


@pytest.mark.parametrize(("width", "script"), [(1280, True), (400, False)])
async def test_an_order_is_placed_with_a_file_whose_names_are_taken(
    world: World, signed_in: Open, tmp_path: Path, width: int, script: bool
) -> None:
    file = tmp_path / "www.csr"
    file.write_text(csr_for("www.acme.example", "shop.acme.example"))
    page = await signed_in(width, script)
    await page.goto("/orders/new")
    await follow(page, "link", "Choose GeoTrust DV SSL Flex")

    await page.get_by_label("or its file").set_input_files(file)
    await follow(page, "button", "Read the CSR")
    assert await page.locator("textarea[name=names]").input_value() == "www.acme.example\nshop.acme.example"
    await page.locator("textarea[name=names]").fill("www.acme.example\n*.shop.acme.example")
    await follow(page, "button", "Check the order")
    assert "The CSR has names that are not ordered" in await text_of(page)
    await follow(page, "button", "Place the order")

    assert "The order is placed." in await text_of(page)
    [placed] = await world.said("orders", "order_placed")
    assert placed["names"] == ["www.acme.example", "*.shop.acme.example"]


@pytest.mark.parametrize("script", [True, False])
async def test_a_reissue_replaces_a_name_and_keeps_what_was_typed_when_refused(
    world: World, acme: Company, signed_in: Open, script: bool
) -> None:
    order = await issued(world, acme)
    page = await signed_in(400, script)
    await page.goto(f"/orders/{order['id']}")
    await follow(page, "link", "Reissue")
    await page.get_by_label("CSR", exact=False).first.fill(csr(rsa_key()))
    await page.locator("textarea[name=names]").fill("www.acme.example\nnew_shop.acme.example")

    await follow(page, "button", "Check the reissue")
    assert "an underscore cannot stand in a certified name" in await text_of(page)
    assert "BEGIN CERTIFICATE REQUEST" in await page.locator("textarea[name=csr]").input_value()
    await page.locator("textarea[name=names]").fill("www.acme.example\nshop.acme.example")
    await follow(page, "button", "Check the reissue")
    assert "Free." in await text_of(page)
    await follow(page, "button", "Send the reissue")

    assert "The reissue is asked for." in await text_of(page)
    said = await world.said("orders", "request_submitted")
    [asked] = [each for each in said if each["request_type"] == "reissue"]
    assert asked["names"] == ["www.acme.example", "shop.acme.example"]
