"""Who may see and change which domains: design 8, certcentral-api 2.2."""

from typing import Any

import pytest

from tests.conftest import World
from tests.validation.office import LABS, MAIN, D, add, key_of

OV = {"validations": [{"type": "ov"}]}
TXT = OV | {"dcv_method": "dns-txt-token"}
# Every route about one domain: method, what follows its number, body.
ROUTES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("GET", "/validation", None),
    ("POST", "/validation", TXT),
    ("DELETE", "/validation", None),
    ("PUT", "/dcv/method", {"dcv_method": "dns-txt-token"}),
    ("POST", "/dcv/token", None),
    ("PUT", "/dcv/validate-token", None),
    ("POST", "/dcv/pre-check", None),
    ("PUT", "/activate", None),
    ("PUT", "/deactivate", None),
    ("DELETE", "", None),
]
OWN = ["ann", "domains-key", "max", "lea", "olga"]
UNSEEN = ["sue", "eve"]
BARRED = ["lou", "fin", "orders-key", "users-key"]


@pytest.fixture
async def labs_domain(office: World) -> int:
    async with key_of(office) as http:
        added = await add(http, "acme.example", container={"id": LABS})
    return int(added["id"])


async def ask(world: World, who: str, route: tuple[str, str, dict[str, Any] | None], domain_id: int) -> int:
    method, path, body = route
    async with key_of(world, who) as http:
        answer = await http.request(method, f"{D}/{domain_id}{path}", json=body)
    if answer.status_code == 204:
        assert (answer.content, answer.headers.get("content-type")) == (b"", None)
    if answer.status_code >= 400:
        assert answer.json()["errors"][0]["message"]
    return answer.status_code


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
async def test_each_route_is_for_those_who_may_and_leaks_to_nobody_else(
    office: World, labs_domain: int, route: tuple[str, str, dict[str, Any] | None]
) -> None:
    for who in UNSEEN:
        assert await ask(office, who, route, labs_domain) == 404, who
    for who in BARRED:
        assert await ask(office, who, route, labs_domain) == 403, who
    assert await ask(office, "view-key", route, labs_domain) == (200 if route[0] == "GET" else 403)
    assert await ask(office, "max", route, labs_domain) < 300


@pytest.mark.parametrize("who", OWN)
async def test_who_may_see_a_domain_finds_it_in_the_list(office: World, labs_domain: int, who: str) -> None:
    async with key_of(office, who) as http:
        listed = (await http.get(D)).json()

    assert [one["id"] for one in listed["domains"]] == [labs_domain]
    assert listed["page"]["total"] == 1


@pytest.mark.parametrize("who", UNSEEN)
async def test_others_have_an_empty_list(office: World, labs_domain: int, who: str) -> None:
    async with key_of(office, who) as http:
        assert (await http.get(D)).json()["page"]["total"] == 0
        assert (await http.get(f"{D}/expiring")).json()["domains"] == 0


@pytest.mark.parametrize("path", ["", "/expiring", "/validation-type", "/dcv/method"])
@pytest.mark.parametrize("who", BARRED)
async def test_who_may_not_work_with_domains_is_told_so(office: World, who: str, path: str) -> None:
    async with key_of(office, who) as http:
        answer = await http.get(f"{D}{path}")

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "access_denied|missing_permission"


async def test_a_domain_goes_to_the_division_of_who_adds_it(office: World) -> None:
    async with key_of(office, "sue") as http:
        await add(http, "own.example")
        elsewhere = await http.post(D, json=TXT | {"name": "x.example", "container_id": LABS})

    assert elsewhere.status_code == 404
    [row] = await office.rows("validation", "SELECT division_id FROM domain")
    assert row.division_id == MAIN


async def test_a_name_of_another_division_is_said_to_be_there(office: World, labs_domain: int) -> None:
    async with key_of(office, "sue") as http:
        answer = await http.post(D, json=TXT | {"name": "acme.example"})

    assert answer.status_code == 403
    assert "Another division" in answer.json()["errors"][0]["message"]


async def test_another_account_has_a_domain_of_the_same_name_and_its_own_token(office: World, labs_domain: int) -> None:
    async with key_of(office, "eve") as http:
        added = await add(http, "acme.example")

    assert added["id"] != labs_domain
    tokens = await office.rows("validation", "SELECT DISTINCT token FROM attempt")
    assert len(tokens) == 2


async def test_staff_say_whose_domain_they_add(office: World) -> None:
    async with key_of(office, "olga") as http:
        nobody = await http.post(D, json=TXT | {"name": "acme.example"})
        await add(http, "acme.example", account_id=9002)
        [shown] = (await http.get(D, params={"account_id": 9002})).json()["domains"]

    assert nobody.status_code == 400
    assert shown["container"]["id"] == 99
