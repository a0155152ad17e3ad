"""Sessions end with signing out, with a new password and with the user; passwords by link and by administrator."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from services.orders import actions
from services.orders.rules.passwords import password_hash
from shared.access import find_by_key
from shared.errors import DomainError
from tests.orders.conftest import PASSWORD, Company
from tests.orders.makers import LATER, NOW

NEW = "a staple of another horse"


def csrf_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def sign_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    csrf = csrf_of(await client.get("/sign-in"))
    return await client.post("/sign-in", data={"email": email, "password": password, "csrf": csrf})


@asynccontextmanager
async def browser(company: Company, role: str | None = "manager") -> AsyncIterator[httpx.AsyncClient]:
    async with company.world.client(accept="text/html") as client:
        if role:
            assert (await sign_in(client, company.emails[role])).status_code == 303
        yield client


async def is_in(client: httpx.AsyncClient, path: str = "/orders") -> bool:
    return (await client.get(path)).status_code == 200


async def test_signing_out_ends_a_copied_cookie_too_and_in_every_service(acme: Company) -> None:
    async with browser(acme) as mine, browser(acme, None) as thief:
        await acme.world.settle(steps=False)
        thief.cookies = httpx.Cookies(mine.cookies)
        stolen = await is_in(thief)
        await mine.post("/sign-out", data={"csrf": csrf_of(await mine.get("/orders"))})
        await acme.world.settle(steps=False)

        assert stolen
        assert not await is_in(thief)
        assert not await is_in(thief, "/finance/invoices")


async def test_one_may_sign_in_again_after_signing_out(acme: Company) -> None:
    async with browser(acme) as client:
        await client.post("/sign-out", data={"csrf": csrf_of(await client.get("/orders"))})
        await sign_in(client, acme.emails["manager"])
        assert await is_in(client)


async def test_a_new_password_ends_the_sessions_begun_with_the_old_one(acme: Company) -> None:
    async with browser(acme) as client, browser(acme) as elsewhere:
        async with acme.world.orders.db.transaction() as tx:
            await actions.set_own_password(tx, acme.users["manager"], password_hash(NEW), NOW)

        assert not await is_in(client)
        assert not await is_in(elsewhere)
        assert (await sign_in(client, acme.emails["manager"])).status_code == 400
        assert (await sign_in(client, acme.emails["manager"], NEW)).status_code == 303


async def test_a_disabled_user_is_out_at_once_and_cannot_sign_in(acme: Company) -> None:
    async with browser(acme) as client:
        async with acme.client() as administrator:
            await administrator.delete(f"/services/v2/user/{acme.users['manager']}")

        assert not await is_in(client)
        assert (await sign_in(client, acme.emails["manager"])).status_code == 400


async def test_a_link_sets_a_password_once_and_looking_at_it_changes_nothing(acme: Company) -> None:
    async with acme.client() as administrator:
        made = (await administrator.post(f"/services/v2/user/{acme.users['manager']}/password-link")).json()
    path = made["url"].partition("//")[2].partition("/")[2]
    async with browser(acme, None) as client:
        for _ in range(2):
            page = await client.get(f"/{path}")
            assert page.status_code == 200
        form = {"csrf": csrf_of(page), "token": path.partition("token=")[2], "password": NEW, "again": NEW}
        done = await client.post("/account/new-password", data=form)
        again = await client.post("/account/new-password", data=form)

        assert (done.status_code, done.headers["location"]) == (303, "/sign-in?done=password")
        assert again.status_code == 400
        assert "used already" in again.text
        assert (await sign_in(client, acme.emails["manager"], NEW)).status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [
        ("short", "short", "at least 12"),
        (NEW, NEW + "!", "differ"),
        ("a" * 12, "a" * 12, "too easy"),
        ("manager@acme.example", "manager@acme.example", "too easy"),
        ("x1y2" * 300, "x1y2" * 300, "at most 1000"),
    ],
)
async def test_a_password_that_is_none_is_refused_and_the_link_stays_good(
    acme: Company, password: str, again: str, says: str
) -> None:
    async with acme.client() as administrator:
        made = (await administrator.post(f"/services/v2/user/{acme.users['manager']}/password-link")).json()
    token = made["url"].partition("token=")[2]
    async with browser(acme, None) as client:
        page = await client.get(f"/account/new-password?token={token}")
        form = {"csrf": csrf_of(page), "token": token, "password": password, "again": again}
        answer = await client.post("/account/new-password", data=form)

        assert answer.status_code == 400
        assert says in answer.text
        assert (await client.get(f"/account/new-password?token={token}")).status_code == 200


async def test_a_link_is_good_for_a_day_and_for_no_disabled_user(acme: Company) -> None:
    async with acme.world.orders.db.transaction() as tx:
        caller = await find_by_key(tx, acme.keys["administrator"])
        assert caller is not None
        await actions.offer_password_link(tx, caller, acme.users["manager"], "t-1", NOW)
        assert (await actions.user_of_link(tx, "t-1", LATER)).id == acme.users["manager"]
        with pytest.raises(DomainError, match="too old"):
            await actions.user_of_link(tx, "t-1", NOW + timedelta(hours=24))
        await actions.disable_user(tx, caller, acme.users["manager"], NOW)
        with pytest.raises(DomainError, match="used already"):
            await actions.user_of_link(tx, "t-1", LATER)


async def test_guessing_at_one_address_is_slowed_down_known_or_not(acme: Company) -> None:
    async with browser(acme, None) as client:
        answers = [await sign_in(client, "nobody@acme.example", "wrong") for _ in range(11)]
        other = await sign_in(client, acme.emails["manager"])

    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 200
    assert "more than 10 in 5 minutes" in answers[-1].text
    assert other.status_code == 303
