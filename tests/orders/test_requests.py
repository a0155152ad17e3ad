"""GET /request, GET /request/{id}, PUT /request/{id}/status."""

from typing import Any

import pytest

from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.playing import ask, issued, refusal, reissue


async def test_a_request_is_listed_with_its_order_and_requester(acme: Company) -> None:
    placed = await acme.place("limited_user", comments="For the shop")

    found = (await ask(acme, "GET", "/request")).json()

    [request] = found["requests"]
    assert found["page"] == {"total": 1, "limit": 0, "offset": 0}
    assert (request["id"], request["type"], request["status"]) == (
        placed["requests"][0]["id"],
        "new_request",
        "pending",
    )
    assert request["requester"]["email"] == "limited_user@acme.example"
    assert request["order"]["id"] == placed["id"]
    assert request["order"]["certificate"] == {"common_name": "www.acme.example"}
    assert request["order"]["container"]["name"] == "Main"
    assert request["order"]["product"]["name_id"] == "ssl_dv_geotrust"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "dcba"),
        ("status=pending", "ba"),
        ("filters[status]=submitted", "ba"),
        ("filters[status]=APPROVED", "dc"),
        ("filters[status]=rejected", ""),
        ("filters[type]=reissue", "d"),
        ("filters[type]=new%20request", "cba"),
        ("filters[status][0]=pending&filters[status][1]=approved", "dcba"),
        ("sort=date", "abcd"),
        ("limit=2&offset=1", "cb"),
    ],
)
async def test_requests_are_filtered_and_sorted(world: World, acme: Company, query: str, found: str) -> None:
    """T16: the status with and without brackets."""
    ids = {letter: (await acme.place("standard_user"))["requests"][0]["id"] for letter in "ab"}
    order = await issued(world, acme)
    ids["c"] = order["requests"][0]["id"]
    ids["d"] = (await reissue(acme, order["id"]))["requests"][0]["id"]

    answer = await ask(acme, "GET", f"/request?{query}")

    assert [each["id"] for each in answer.json()["requests"]] == [ids[letter] for letter in found]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("status=lost", 'There is no request status "lost"'),
        ("filters[type]=gift", 'There is no request type "gift"'),
        ("filters[order_id]=x", "filters[order_id] takes a number"),
        ("filters[colour]=red", 'There is no filter "colour" here'),
    ],
)
async def test_a_filter_that_is_none_is_400(acme: Company, query: str, words: str) -> None:
    answer = await ask(acme, "GET", f"/request?{query}")

    assert refusal(answer)[0] == 400
    assert words in refusal(answer)[2]


async def test_requests_are_seen_like_their_orders(acme: Company, globex: Company) -> None:
    mine = (await acme.place("limited_user"))["requests"][0]["id"]
    other = (await acme.place(container={"id": acme.divisions["Labs"]}))["requests"][0]["id"]

    async def seen(company: Company, role: str) -> list[int]:
        found = (await ask(company, "GET", "/request", role=role)).json()
        assert found["page"]["total"] == len(found["requests"])
        return [each["id"] for each in found["requests"]]

    assert await seen(acme, "administrator") == [other, mine]
    assert await seen(acme, "manager") == [mine]
    assert await seen(acme, "limited_user") == [mine]
    assert await seen(globex, "administrator") == []
    for company, role, number in ((globex, "administrator", mine), (acme, "limited_user", other)):
        assert (await ask(company, "GET", f"/request/{number}", role=role)).status_code == 404
        assert (await ask(company, "PUT", f"/request/{number}/status", {"status": "approved"}, role)).status_code == 404


async def test_the_operator_sees_whose_request_it_is(acme: Company) -> None:
    request_id = (await acme.place("standard_user"))["requests"][0]["id"]

    one = (await ask(acme, "GET", f"/request/{request_id}", role="operator")).json()
    rows = (await ask(acme, "GET", f"/request?account_id={acme.id}&status=pending", role="operator")).json()

    assert one["account_id"] == acme.id
    assert [each["id"] for each in rows["requests"]] == [request_id]


async def test_a_limited_users_reissue_waits_for_somebody_else(world: World, acme: Company) -> None:
    order = await issued(world, acme, "limited_user")
    answer = await reissue(acme, order["id"], "limited_user", skip_approval=True)
    [request] = answer["requests"]
    request_id = request["id"]
    assert request["status"] == "pending"

    own = await ask(acme, "PUT", f"/request/{request_id}/status", {"status": "approved"}, "limited_user")
    done = await ask(acme, "PUT", f"/request/{request_id}/status", {"status": "approved"}, "manager")

    assert refusal(own) == (
        403, "access_denied|missing_permission",
        "You asked for this yourself; a manager or administrator of the account decides it.",
    )  # fmt: skip
    assert done.status_code == 204
    assert (await acme.order(order["id"]))["requests"][1]["status"] == "approved"


@pytest.mark.parametrize("decision", ["approved", "rejected"])
async def test_a_reissue_that_waits_is_decided_and_says_by_whom(world: World, acme: Company, decision: str) -> None:
    order = await issued(world, acme)
    more: dict[str, Any] = {"certificate": {"dns_names": ["acme.example", "shop.acme.example"]}}
    request_id = (await reissue(acme, order["id"], "standard_user", **more))["requests"][0]["id"]
    assert await world.said("orders", "order_names_added") == []

    answer = await ask(acme, "PUT", f"/request/{request_id}/status", {"status": decision, "processor_comment": "So"})

    assert answer.status_code == 204
    decided = (await world.said("orders", "request_decided"))[-1]
    assert (decided["request_id"], decided["decision"], decided["comment"]) == (request_id, decision, "So")
    shown = (await ask(acme, "GET", f"/request/{request_id}")).json()
    assert (shown["status"], shown["processor"]["email"]) == (decision, "administrator@acme.example")
    assert "date_processed" in shown
    charged = await world.said("orders", "order_names_added")
    assert [each["added"] for each in charged] == ([["shop.acme.example"]] if decision == "approved" else [])
    status = (await acme.order(order["id"]))["status"]
    assert status == ("reissue_pending" if decision == "approved" else "issued")


async def test_an_approved_reissue_that_is_rejected_gives_back_what_its_names_cost(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    more: dict[str, Any] = {"certificate": {"dns_names": ["acme.example", "shop.acme.example"]}}
    request_id = (await reissue(acme, order["id"], **more))["requests"][0]["id"]

    await ask(acme, "PUT", f"/request/{request_id}/status", {"status": "rejected", "processor_comment": "Too dear"})

    assert [each["request_id"] for each in await world.said("orders", "reissue_cancelled")] == [request_id]


async def test_a_request_that_is_over_is_decided_no_more(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    request_id = (await reissue(acme, order["id"], "standard_user"))["requests"][0]["id"]
    path = f"/request/{request_id}/status"

    first = await ask(acme, "PUT", path, {"status": "rejected", "processor_comment": "No"})
    same = await ask(acme, "PUT", path, {"status": "rejected", "processor_comment": "No"})
    other = await ask(acme, "PUT", path, {"status": "approved"})
    done = await ask(acme, "PUT", f"/request/{order['requests'][0]['id']}/status", {"status": "rejected"})

    assert (first.status_code, same.status_code) == (204, 204)
    assert refusal(other)[:2] == (400, "invalid_state")
    assert f"Request {request_id} is rejected and can no longer be approved" in refusal(other)[2]
    assert f"Order {order['id']} is issued and can no longer be rejected" in refusal(done)[2]
    assert len(await world.said("orders", "request_decided")) == 1
