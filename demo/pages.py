"""A person at the console: signs in, and sends the forms of its pages."""

import re
from collections.abc import Mapping

import httpx

from demo.failure import Failed, must
from demo.run import Run

CSRF = re.compile(r'name="csrf"[^>]*value="([^"]+)"')


async def sign_in(browser: httpx.AsyncClient, run: Run, role: str) -> None:
    email, password = run.passwords[role]
    form = {"email": email, "password": password, "next": "/orders", "csrf": await _token(browser, "/sign-in")}
    answer = await browser.post("/sign-in", data=form)
    must(answer.status_code == 303, f"Signing in as {email} was answered with {answer.status_code}.")


async def press(browser: httpx.AsyncClient, page: str, deed: str) -> None:
    """The button of a page: its form is posted with the page's token."""
    answer = await send(browser, page, f"{page}/{deed}", {})
    must(answer.status_code == 303, f"POST {page}/{deed} was answered with {answer.status_code}: {answer.text[:300]}")


async def send(browser: httpx.AsyncClient, page: str, to: str, form: Mapping[str, str]) -> httpx.Response:
    return await browser.post(to, data={**form, "csrf": await _token(browser, page)})


async def _token(browser: httpx.AsyncClient, page: str) -> str:
    answer = await browser.get(page)
    found = CSRF.search(answer.text)
    if found is None:
        raise Failed(f"{page} was answered with {answer.status_code} and has no form to send.")
    return found[1]
