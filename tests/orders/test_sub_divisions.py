"""Whoever is assigned a division sees what is below it, in every service."""

from typing import Any

from shared.access import find_by_key
from tests.conftest import World
from tests.orders.conftest import Company, open_company
from tests.orders.makers import body
from tests.orders.playing import ask

SERVICES = ("orders", "billing", "validation", "notifications")


async def a_company(world: World) -> Company:
    roles = {"administrator": (), "manager": ("Hosting",), "finance_manager": ("Labs",), "standard_user": ("Main",)}
    return await open_company(world, "Acme", roles)


async def added(company: Company, parent: int, name: str) -> int:
    answer = await ask(company, "POST", f"/container/{parent}/children", {"name": name, "template_id": 5})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def seen(company: Company, role: str, service: str = "orders") -> tuple[int, ...]:
    async with company.world.services[service].db.transaction() as tx:
        caller = await find_by_key(tx, company.keys[role])
    assert caller is not None
    return caller.divisions


async def place(company: Company, division: int) -> int:
    order: Any = await ask(company, "POST", "/order/certificate/ssl_dv_geotrust", body(container={"id": division}))
    return int(order.json()["id"])


async def test_a_sub_division_is_seen_from_its_making_on_by_whoever_is_assigned_what_is_above_it(world: World) -> None:
    acme = await a_company(world)
    hosting = acme.divisions["Hosting"]

    berlin = await added(acme, hosting, "Berlin")
    rack = await added(acme, berlin, "Rack 1")
    await world.settle(steps=False)

    for service in SERVICES:
        assert await seen(acme, "manager", service) == (hosting, berlin, rack)
        assert await seen(acme, "finance_manager", service) == (acme.divisions["Labs"],)
        assert await seen(acme, "standard_user", service) == (acme.divisions["Main"],)
        assert await seen(acme, "administrator", service) == ()
    told = (await world.said("orders", "user_changed"))[-1]["user"]
    assert (told["id"], told["divisions"]) == (acme.users["manager"], [hosting, berlin, rack])


async def test_who_is_assigned_a_division_later_sees_what_is_below_it_and_no_more_when_it_is_taken_away(
    world: World,
) -> None:
    acme = await a_company(world)
    hosting, labs, user = acme.divisions["Hosting"], acme.divisions["Labs"], acme.users["finance_manager"]
    berlin = await added(acme, hosting, "Berlin")

    await ask(acme, "PUT", f"/user/{user}", {"container_id_assignments": [hosting, labs]})
    more = await seen(acme, "finance_manager")
    shown = (await ask(acme, "GET", f"/user/{user}")).json()
    await ask(acme, "PUT", f"/user/{user}", {"container_id_assignments": [labs]})

    assert more == (hosting, labs, berlin)
    assert shown["container_id_assignments"] == [hosting, labs]
    assert await seen(acme, "finance_manager") == (labs,)


async def test_orders_and_money_of_a_sub_division_are_seen_and_those_beside_it_are_not(world: World) -> None:
    acme = await a_company(world)
    berlin = await added(acme, acme.divisions["Hosting"], "Berlin")
    below, beside = await place(acme, berlin), await place(acme, acme.divisions["Labs"])
    await world.settle(steps=False)

    listed = (await ask(acme, "GET", "/order/certificate", role="manager")).json()
    funds = [
        (await ask(acme, "GET", f"/finance/balance?container_id={number}", role="manager")).status_code
        for number in (berlin, acme.divisions["Labs"])
    ]

    assert ([order["id"] for order in listed["orders"]], listed["page"]["total"]) == ([below], 1)
    assert (await ask(acme, "GET", f"/order/certificate/{beside}", role="manager")).status_code == 404
    assert funds == [200, 404]
