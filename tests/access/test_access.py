"""Every route and page of every service × role × restriction of the key × own or another's division and account.

A route that no table has fails: whoever adds one says in tests/access/<service>.py who may call it."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders import actions
from services.orders.models import Account, AppUser
from shared.service import Service
from shared.web.caller import COOKIE
from tests.access import billing, notifications, orders, places, shared, validation
from tests.access.places import ACCOUNT, BELOW, COLLEAGUE, DIVISION, LIMITED, OWN, Town
from tests.access.rules import ROLES, Place, Rule
from tests.conftest import ENVIRONMENT, SERVICES, World
from tests.orders.makers import NOW

TABLES = {"orders": orders, "billing": billing, "validation": validation, "notifications": notifications}
RESTRICTIONS = (100, 101, 102, 103)
SECRET = ENVIRONMENT["ISSUARY_SESSION_SECRET"]


def rules_of(service: str) -> dict[str, Rule]:
    rules: dict[str, Rule] = TABLES[service].RULES
    return rules | shared.rules_of(service)


def routes_of(routes: Any) -> Iterator[str]:
    """Of what is included too, whether or not it is documented."""
    for route in routes:
        if included := getattr(route, "original_router", None):
            yield from routes_of(included.routes)
        for method in sorted(getattr(route, "methods", None) or ()):
            if method != "HEAD":
                yield f"{method} {route.path.replace(':int', '').replace(':path', '')}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_in_the_table_and_the_table_has_no_other(built: dict[str, Service], service: str) -> None:
    found = set(routes_of(built[service].app.routes))

    assert len(found) > 5
    assert found - rules_of(service).keys() == set(), f"say in tests/access/{service}.py who may call it"
    assert rules_of(service).keys() - found == set(), "there is no such route any more"


@pytest_asyncio.fixture
async def town(world: World) -> Town:
    return await places.build(world)


# ── how one request is made ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Route:
    service: str
    name: str
    rule: Rule

    @property
    def method(self) -> str:
        return self.name.partition(" ")[0]

    @property
    def is_api(self) -> bool:
        return self.name.partition(" ")[2].startswith("/services/")

    def request(self, place: Place, csrf: str = "") -> dict[str, Any]:
        path = self.name.partition(" ")[2]
        for name, what in self.rule.path.items():
            path = path.replace(f"{{{name}}}", str(place[what]))
        sent: dict[str, Any] = {"method": self.method, "url": path, "params": dict(self.rule.query(place))}
        if self.rule.json:
            sent["json"] = self.rule.json(place)
        if self.rule.content:
            sent["content"] = self.rule.content
        if self.method == "POST" and not self.is_api:
            sent["data"] = {"csrf": csrf, **(self.rule.form(place) if self.rule.form else {})}
        return sent


def _connection(service: Service) -> AsyncConnection:
    assert isinstance(service.db.bind, AsyncConnection)
    return service.db.bind


@asynccontextmanager
async def undone(town: Town) -> AsyncIterator[None]:
    """Whatever a request changed is as before afterwards."""
    begun = [await _connection(service).begin_nested() for service in town.world.services.values()]
    try:
        yield
    finally:
        for nested in begun:
            await nested.rollback()
        for service in town.world.services.values():
            service.db._given["kept"].clear()


def session_of(user_id: int) -> tuple[str, str]:
    cookie = str(URLSafeTimedSerializer(SECRET, salt="session").dumps({"user": user_id, "session": 1}))
    return cookie, hmac.new(f"csrf:{SECRET}".encode(), cookie.encode(), hashlib.sha256).hexdigest()


async def called(town: Town, route: Route, place: Place, role: str) -> httpx.Response:
    async with undone(town):
        if route.is_api:
            async with town.world.client(town.acme.keys[role]) as client:
                return await client.request(**route.request(place))
        cookie, csrf = session_of(town.acme.users[role])
        async with town.world.client(accept="text/html", cookie=f"{COOKIE}={cookie}") as client:
            return await client.request(**route.request(place, csrf))


def table(service: str) -> list[Route]:
    return [Route(service, name, rule) for name, rule in rules_of(service).items()]


def said(route: Route, role: str, where: str, answer: httpx.Response, wanted: str) -> str:
    text = answer.text[:120] if route.is_api else ""
    return f"{route.name} by {role}, {where}: {answer.status_code}, not {wanted} {text}"


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("service", SERVICES)
async def test_each_role_may_what_the_table_says_in_its_own_division(town: Town, service: str) -> None:
    wrong = []
    for route in table(service):
        for role in ROLES:
            answer = await called(town, route, town.places[OWN], role)
            if answer.status_code >= 500 and answer.status_code != 503:  # nobody is ready here without a broker
                wrong.append(said(route, role, OWN, answer, "an answer"))
            elif role not in route.rule.roles and answer.status_code != 403:
                wrong.append(said(route, role, OWN, answer, "403"))
            elif role in route.rule.roles and answer.status_code in _no(route):
                wrong.append(said(route, role, OWN, answer, "allowed"))
            wrong += [f"{route.name} by {role}, {OWN}: tells {mark}" for mark in _leaks(town, role, answer)]
    assert not wrong, "\n" + "\n".join(wrong)


def _no(route: Route) -> tuple[int, ...]:
    """What stands for "you may not". Nothing is there of what is about nothing of an account."""
    return (403,) if route.rule.kind in ("alone", "public") else (403, 404)


@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_anothers_is_not_there(town: Town, service: str) -> None:
    """Another account's for everybody but staff, another division's for who is limited, a colleague's for who sees
    its own orders alone. Who may not at all is told that, and nothing of the thing either."""
    wrong = []
    for route in table(service):
        for role, where in _others(route):
            answer = await called(town, route, town.places[where], role)
            wanted = (404,) if role in route.rule.roles else (403, 404)
            if answer.status_code not in wanted:
                wrong.append(said(route, role, where, answer, "404"))
            wrong += [f"{route.name} by {role}, {where}: tells {mark}" for mark in _leaks(town, role, answer)]
    assert not wrong, "\n" + "\n".join(wrong)


def _others(route: Route) -> Iterator[tuple[str, str]]:
    if route.rule.kind not in ("thing", "of_account"):
        return
    yield from ((role, ACCOUNT) for role in ROLES if role != "operator")
    if route.rule.kind == "thing":
        yield from ((role, DIVISION) for role in LIMITED)
    if route.rule.personal:
        yield "limited_user", COLLEAGUE


def _leaks(town: Town, role: str, answer: httpx.Response) -> list[str]:
    if not answer.headers.get("content-type", "").startswith(("text/html", "application/json", "text/csv")):
        return []
    return [mark for mark in town.marks(role) if mark in answer.text.lower()]


@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_below_an_assigned_division_is_there(town: Town, service: str) -> None:
    wrong = []
    for route in [route for route in table(service) if route.rule.kind == "thing"]:
        for role in set(LIMITED) & route.rule.roles - ({"limited_user"} if route.rule.personal else set()):
            answer = await called(town, route, town.places[BELOW], role)
            if answer.status_code in (403, 404):
                wrong.append(said(route, role, BELOW, answer, "allowed"))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("service", SERVICES)
async def test_no_list_shows_what_is_out_of_sight(town: Town, service: str) -> None:
    """Nor when another division or account is asked for."""
    wrong = []
    for route in [route for route in table(service) if route.rule.kind == "list"]:
        for role in route.rule.roles - {"operator"}:
            for asked in ({}, *_elsewhere(town)):
                place = {**town.places[OWN], **asked}
                answer = await _with(town, route, place, role, asked)
                if answer.status_code not in (200, 400, 403, 404):
                    wrong.append(said(route, role, str(asked), answer, "200 or a refusal"))
                wrong += [f"{route.name} by {role}, {asked}: tells {mark}" for mark in _leaks(town, role, answer)]
    assert not wrong, "\n" + "\n".join(wrong)


def _elsewhere(town: Town) -> Iterator[dict[str, Any]]:
    division, account = town.places[DIVISION], town.places[ACCOUNT]
    for name in ("container_id", "division", "filters[container_id]"):
        yield {name: division["division"]}
        yield {name: account["division"]}
    yield {"account_id": account["account"]}


async def _with(town: Town, route: Route, place: Place, role: str, asked: dict[str, Any]) -> httpx.Response:
    named = Route(route.service, route.name, Rule(route.rule.roles, "list", query=lambda _: asked))
    return await called(town, named if asked else route, place, role)


# ── restricted keys ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("service", SERVICES)
async def test_a_restricted_key_of_an_administrator_may_what_its_restriction_says(town: Town, service: str) -> None:
    await _make_keys(town)
    wrong = []
    for route in [route for route in table(service) if route.is_api]:
        for restriction in RESTRICTIONS:
            answer = await _by_key(town, route, f"restricted-{restriction}")
            may = restriction in route.rule.keys(route.method) and "administrator" in route.rule.roles
            if may and answer.status_code in _no(route):
                wrong.append(said(route, str(restriction), OWN, answer, "allowed"))
            elif not may and answer.status_code != 403:
                wrong.append(said(route, str(restriction), OWN, answer, "403"))
    assert not wrong, "\n" + "\n".join(wrong)


async def _make_keys(town: Town) -> None:
    async with town.world.orders.db.transaction() as tx:
        user = await tx.get_one(AppUser, town.acme.users["administrator"])
        account = await tx.get_one(Account, town.acme.id)
        for number in RESTRICTIONS:
            await actions.add_api_key(tx, user, account, "test", f"restricted-{number}", NOW, number)
    await town.world.settle(steps=False)


async def _by_key(town: Town, route: Route, key: str | None) -> httpx.Response:
    async with undone(town), town.world.client(key) as client:
        return await client.request(**route.request(town.places[OWN]))


@pytest.mark.parametrize("service", SERVICES)
async def test_who_is_not_signed_in_gets_nothing_and_a_key_opens_no_page(town: Town, service: str) -> None:
    wrong = []
    for route in [route for route in table(service) if route.rule.kind != "public"]:
        for key in (None, *(() if route.is_api else (town.acme.keys["administrator"], town.acme.keys["operator"]))):
            answer = await _by_key(town, route, key)
            asked_in = answer.headers.get("location", "").startswith("/sign-in")
            if not (answer.status_code == 403 or (answer.status_code == 303 and asked_in and not route.is_api)):
                wrong.append(said(route, "nobody" if key is None else "a key", OWN, answer, "403 or the sign-in page"))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_session_changes_nothing_by_the_api_nor_by_a_form_without_its_token(town: Town, service: str) -> None:
    cookie, _ = session_of(town.acme.users["operator"])
    wrong = []
    for route in [route for route in table(service) if route.method != "GET" and route.rule.kind != "public"]:
        async with undone(town), town.world.client(cookie=f"{COOKIE}={cookie}") as client:
            answer = await client.request(**route.request(town.places[OWN]))
        if answer.status_code != 403:
            wrong.append(said(route, "a session", OWN, answer, "403"))
    assert not wrong, "\n" + "\n".join(wrong)
