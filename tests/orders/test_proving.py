"""PUT …/check-dcv and …/dcv-method: what orders asks of validation, and what it answers meanwhile."""

from typing import Any

import pytest

from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import validated
from tests.orders.playing import ask, issued, refusal, reissue


async def checked(acme: Company, order_id: int, sent: Any = None) -> dict[str, Any]:
    answer = await ask(acme, "PUT", f"/order/certificate/{order_id}/check-dcv", sent)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_check_is_asked_for_each_name_that_is_not_proven(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    await world.deliver("orders", validated(acme.id, "acme.example"))

    answer = await checked(acme, order_id)

    assert answer == {
        "order_status": "pending",
        "dcv_status": "pending",
        "dns_name_validations": [
            {"dns_name": "www.acme.example", "status": "pending"},
            {"dns_name": "acme.example", "status": "approved"},
        ],
    }
    [said] = await world.said("orders", "check_domain")
    assert (said["account_id"], said["name"], said["asked_by"]) == (acme.id, "www.acme.example", "Ann administrator")


async def test_a_check_is_for_the_names_given(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    answer = await checked(acme, order_id, {"dns_names_validations": ["ACME.example"]})

    assert [each["dns_name"] for each in answer["dns_name_validations"]] == ["acme.example"]
    assert [said["name"] for said in await world.said("orders", "check_domain")] == ["acme.example"]
    other = await ask(acme, "PUT", f"/order/certificate/{order_id}/check-dcv",
                      {"dns_names_validations": ["b.example"]})  # fmt: skip
    assert refusal(other)[2] == f"'b.example' is not on order {order_id}; give names of the order, or none for all."


async def test_an_issued_order_is_valid_and_nothing_is_looked_at(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    answer = await checked(acme, order["id"])

    assert (answer["order_status"], answer["dcv_status"]) == ("issued", "valid")
    assert answer["certificate_id"] == order["certificate"]["id"]
    assert await world.said("orders", "check_domain") == []


async def test_a_reissue_is_looked_at_while_it_waits(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    await reissue(acme, order["id"], certificate={"common_name": "shop.acme.example", "dns_names": ["acme.example"]})

    answer = await checked(acme, order["id"])

    assert (answer["order_status"], answer["dcv_status"]) == ("reissue_pending", "pending")
    assert "shop.acme.example" in [said["name"] for said in await world.said("orders", "check_domain")]


@pytest.mark.parametrize("method", ["dns-cname-token", "HTTP-Token"])
async def test_another_method_is_asked_for_every_name_that_is_not_proven(
    world: World, acme: Company, method: str
) -> None:
    placed = await acme.place()
    await world.deliver("orders", validated(acme.id, "acme.example"))

    answer = await ask(acme, "PUT", f"/order/certificate/{placed['id']}/dcv-method", {"dcv_method": method})

    assert (answer.status_code, answer.json()) == (200, {"dcv_random_value": placed["dcv_random_value"]})
    [said] = await world.said("orders", "change_dcv_method")
    assert (said["name"], said["dcv_method"]) == ("www.acme.example", method.lower())
    assert (await acme.order(placed["id"]))["dcv_method"] == method.lower()


async def test_a_method_that_is_none_and_an_order_without_need_are_refused(world: World, acme: Company) -> None:
    pending, done = (await acme.place())["id"], (await issued(world, acme))["id"]

    unknown = await ask(acme, "PUT", f"/order/certificate/{pending}/dcv-method", {"dcv_method": "pigeon"})
    late = await ask(acme, "PUT", f"/order/certificate/{done}/dcv-method", {"dcv_method": "http-token"})

    assert refusal(unknown)[:2] == (400, "invalid_dcv_method")
    assert refusal(late) == (400, "invalid_state", f"Order {done} is issued; there is nothing to be proven.")


async def test_another_accounts_order_is_not_found(acme: Company, globex: Company) -> None:
    order_id = (await acme.place())["id"]

    for path in ("check-dcv", "dcv-method"):
        answer = await ask(globex, "PUT", f"/order/certificate/{order_id}/{path}", {"dcv_method": "http-token"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found|order")
