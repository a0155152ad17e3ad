"""What the list of orders may be asked for beside names, dates and states (contract 4.3)."""

from collections.abc import Sequence

import pytest

from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.playing import ask
from tests.orders.test_api_orders import ORDERS, issued
from tests.orders.test_custom_values import a_field


async def found(company: Company, query: str, role: str = "administrator") -> Sequence[int]:
    async with company.client(role) as client:
        answer = await client.get(f"{ORDERS}?{query}")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["page"]["total"] == len(shown["orders"])
    return [order["id"] for order in shown["orders"]]


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("1", "0"), ("True", "False")])
async def test_orders_are_found_by_whether_they_are_renewed(world: World, acme: Company, yes: str, no: str) -> None:
    old = await issued(world, acme)
    new = (await acme.place(renewal_of_order_id=old["id"]))["id"]

    assert await found(acme, f"filters[is_renewed]={yes}") == [old["id"]]
    assert await found(acme, f"filters[is_renewed]={yes}", "operator") == [old["id"]]
    assert await found(acme, f"filters[is_renewed]={no}") == [new]
    assert await found(acme, f"filters[is_renewed][0]={yes}&filters[is_renewed][1]={no}") == [new, old["id"]]


async def test_an_order_whose_renewal_was_given_up_is_not_renewed(world: World, acme: Company) -> None:
    old = await issued(world, acme)
    new = (await acme.place(renewal_of_order_id=old["id"]))["id"]

    await ask(acme, "PUT", f"/order/certificate/{new}/status", {"status": "canceled", "note": "Too early"})

    assert await found(acme, "filters[is_renewed]=true") == []
    assert await found(acme, "filters[is_renewed]=false") == [new, old["id"]]


async def test_orders_are_found_by_whether_their_renewal_is_kept_silent(acme: Company) -> None:
    silent = (await acme.place(disable_renewal_notifications=1))["id"]
    told = (await acme.place())["id"]

    assert await found(acme, "filters[disable_renewal_notifications]=1") == [silent]
    assert await found(acme, "filters[disable_renewal_notifications]=false") == [told]


async def test_orders_are_found_by_the_address_of_who_asked_for_them(acme: Company, globex: Company) -> None:
    own = (await acme.place())["id"]
    await acme.place("manager")
    await globex.place()

    assert await found(acme, "filters[email]=Administrator@ACME.example") == [own]
    assert await found(acme, "filters[email]=administrator@globex.example") == []
    assert await found(acme, "filters[email]=nobody@acme.example") == []


async def test_orders_are_found_by_the_custom_field_that_they_fill_in(acme: Company, globex: Company) -> None:
    field = await a_field(acme, "Cost centre")
    filled = (await acme.place(custom_fields=[{"metadata_id": field, "value": "4711"}]))["id"]
    await acme.place()

    assert await found(acme, f"filters[metadata_id]={field}") == [filled]
    assert await found(globex, f"filters[metadata_id]={field}") == []


async def test_every_order_is_of_this_origin_and_none_was_migrated(acme: Company) -> None:
    order = (await acme.place())["id"]

    assert await found(acme, "filters[origin]=certcentral") == [order]
    assert await found(acme, "filters[origin]=CertCentral&filters[status]=pending") == [order]
    assert await found(acme, "filters[origin]=certcentral&filters[search]=acme") == [order]
    assert await found(acme, "filters[origin]=migrated") == []
    assert await found(acme, "filters[origin]=migrated", "limited_user") == []
    assert await found(acme, "filters[origin][0]=migrated&filters[origin][1]=certcentral") == [order]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("filters[is_renewed]=perhaps", "filters[is_renewed] takes true or false, not 'perhaps'."),
        ("filters[disable_renewal_notifications]=2", "takes true or false, not '2'."),
        ("filters[origin]=elsewhere", 'There is no origin "elsewhere"; use certcentral or migrated.'),
        ("filters[metadata_id]=x", "filters[metadata_id] takes a number, not 'x'."),
    ],
)
async def test_a_filter_that_cannot_be_understood_is_refused(acme: Company, query: str, words: str) -> None:
    async with acme.client() as client:
        answer = await client.get(f"{ORDERS}?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].endswith(words)
