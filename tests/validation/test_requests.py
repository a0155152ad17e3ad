"""Later requests on an order, each with a need of its own."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events.orders import CertificateIssued, OrderPlaced, OrderRejected, ReissueCancelled, RequestDecided
from tests.conftest import World
from tests.validation.conftest import answer_questions, look
from tests.validation.dns_server import DnsServer, txt
from tests.validation.makers import ACCOUNT, VALUE, a_cancellation, a_question, a_request, an_order

SHOP = "shop.acme.example"


def about(placed: OrderPlaced, **fields: Any) -> dict[str, Any]:
    told = {"source": placed.source, "occurred_at": datetime.now(UTC), "account_id": ACCOUNT}
    return told | {"order_id": placed.order_id} | fields


def issued(placed: OrderPlaced, request_id: int | None) -> CertificateIssued:
    today = datetime.now(UTC).date()
    return CertificateIssued(
        **about(placed, request_id=request_id), certificate_id=5, common_name="x", names=("x.example",),
        serial_number="01", thumbprint="AB", valid_from=today, valid_till=today, pem="",
    )  # fmt: skip


async def open_names(world: World) -> list[str]:
    rows = await world.rows("validation", "SELECT name FROM attempt WHERE closed_at IS NULL ORDER BY name")
    return [row.name for row in rows]


async def test_a_reissue_opens_an_attempt_for_each_name_and_says_for_which_request(world: World) -> None:
    placed = an_order(request_id=1)
    await world.deliver("validation", placed, issued(placed, 1))

    await world.deliver("validation", a_request(placed, 2, "www.acme.example", SHOP, dcv_random_value=VALUE))

    said = [event for event in await world.said("validation", "domain_submitted") if event["request_id"] == 2]
    assert [(event["name"], event["record_value"]) for event in said] == [("www.acme.example", VALUE), (SHOP, VALUE)]
    assert await open_names(world) == [SHOP, "www.acme.example"]


async def test_the_same_request_again_changes_nothing(world: World) -> None:
    placed = an_order(request_id=1)

    await world.deliver("validation", placed, a_request(placed, 2, SHOP), a_request(placed, 2, SHOP))

    rows = await world.rows("validation", "SELECT needs FROM domain WHERE name = :name", name=SHOP)
    assert [row.needs for row in rows] == [1]


@pytest.mark.parametrize("kind", ["new_request", "revoke"])
async def test_what_comes_with_the_order_or_needs_no_proof_opens_nothing(world: World, kind: str) -> None:
    placed = an_order(request_id=1)

    await world.deliver("validation", a_request(placed, 1, SHOP, request_type=kind))

    assert await open_names(world) == []


async def test_the_certificate_of_one_request_ends_that_one_only(world: World) -> None:
    placed = an_order(request_id=1)
    await world.deliver("validation", placed, a_request(placed, 2, SHOP), issued(placed, 1))
    assert await open_names(world) == [SHOP]

    await world.deliver("validation", issued(placed, 2))

    assert await open_names(world) == []


@pytest.mark.parametrize("how", ["rejected", "cancelled"])
async def test_a_request_that_is_rejected_or_cancelled_needs_nothing_any_more(world: World, how: str) -> None:
    placed = an_order(request_id=1)
    await world.deliver("validation", placed, a_request(placed, 2, SHOP))
    end = (
        RequestDecided(**about(placed, request_id=2), request_type="reissue", decision="rejected", decided_by="x")
        if how == "rejected"
        else ReissueCancelled(**about(placed, request_id=2), cancelled_by="x")
    )

    await world.deliver("validation", end)

    assert await open_names(world) == ["www.acme.example"]


async def test_an_approval_ends_nothing(world: World) -> None:
    placed = an_order(request_id=1)
    approved = RequestDecided(
        **about(placed, request_id=1), request_type="new_request", decision="approved", decided_by="x"
    )

    await world.deliver("validation", placed, approved)

    assert await open_names(world) == ["www.acme.example"]


@pytest.mark.parametrize("how", ["cancelled", "rejected"])
async def test_the_end_of_an_order_ends_all_its_requests(world: World, how: str) -> None:
    placed = an_order(request_id=1)
    rejected = OrderRejected(**about(placed), rejected_by="x", reason="no")

    await world.deliver("validation", placed, a_request(placed, 2, SHOP), a_request(placed, 3, "b.example"))
    await world.deliver("validation", a_cancellation(placed) if how == "cancelled" else rejected)

    assert await open_names(world) == []


async def test_a_permission_names_the_request_it_was_asked_for(world: World, zone: DnsServer) -> None:
    placed = an_order("acme.example", request_id=1, dcv_random_value=VALUE)
    await world.deliver("validation", placed)
    zone.scripts["_dnsauth.acme.example"] = txt("_dnsauth.acme.example", VALUE)
    await look(world, zone)

    await world.deliver("validation", a_question("acme.example", placed=placed, request_id=1))
    await world.deliver("validation", a_question("b.example", placed=placed, request_id=2))
    await answer_questions(world, zone)

    [yes] = await world.said("validation", "issuance_authorized")
    [no] = await world.said("validation", "issuance_denied")
    assert (yes["request_id"], no["request_id"]) == (1, 2)
