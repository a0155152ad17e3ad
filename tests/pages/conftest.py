"""The pages as a browser sees them: real templates and stylesheet, the real security headers, a real Chromium."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from fastapi import FastAPI, Request
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from shared.web.app import Limits
from shared.web.pages import TEMPLATES, Look, page
from tests.pages.samples import SAMPLES
from tests.pages.samples.base import Sample

SERVICES = Path(__file__).parents[2] / "services"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def gallery() -> FastAPI:
    """Every sample at its own address; `?sample=` tells apart what shares one."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(Limits, max_bytes=1 << 20)
    samples = {sample.name: sample for sample in SAMPLES}
    looks = {name: Look(name, SERVICES / name / "templates", lambda request: "token") for name in services_of(SAMPLES)}

    async def show(request: Request) -> Response:
        sample = samples[request.query_params["sample"]]
        request.state.caller = sample.who
        request.app.state.look = looks[sample.service]
        return page(request, sample.template, **sample.context)

    for name in looks:
        app.mount(f"/{name}/static", StaticFiles(directory=TEMPLATES / "static"))
    app.add_route("/{path:path}", show)
    return app


def services_of(samples: list[Sample]) -> set[str]:
    return {sample.service for sample in samples}


@pytest.fixture(scope="session")
async def origin() -> AsyncIterator[str]:
    config = uvicorn.Config(gallery(), host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    serving = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving
    listener.close()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: install the package chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        await started.close()


class Reader:
    """One window, and whatever the browser complained about while it showed a page."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin, self.complaints = page, origin, list[str]()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def open(self, sample: Sample) -> None:
        self.complaints.clear()
        await self.page.goto(f"{self.origin}{sample.path}?sample={sample.name}", wait_until="load")

    async def look(self, width: int, scheme: Literal["light", "dark"]) -> None:
        await self.page.set_viewport_size({"width": width, "height": 860})
        await self.page.emulate_media(color_scheme=scheme)


NewReader = Callable[..., Awaitable[Reader]]


async def a_window(browser: Browser, origin: str, width: int = 1280, height: int = 860, script: bool = True) -> Reader:
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
        java_script_enabled=script,
    )
    return Reader(await context.new_page(), origin)


@pytest.fixture
async def window(browser: Browser, origin: str) -> AsyncIterator[NewReader]:
    """`await window(width, script=False)`: a window of its own, closed after the test."""
    opened: list[Reader] = []

    async def open_window(width: int = 1280, height: int = 860, script: bool = True) -> Reader:
        opened.append(await a_window(browser, origin, width, height, script))
        return opened[-1]

    yield open_window
    for reader in opened:
        await reader.page.context.close()


@pytest.fixture
async def reader(window: NewReader) -> Reader:
    return await window()


@pytest.fixture(scope="module")
async def passer_by(browser: Browser, origin: str) -> AsyncIterator[Reader]:
    """Looks at one page after the other in the same window, and does nothing else there."""
    reader = await a_window(browser, origin)
    yield reader
    await reader.page.context.close()
