"""Reissues and duplicates that an outside CA was told it may issue, and the end of such an order."""

from datetime import timedelta
from typing import Any

import pytest

from services.orders import worker
from shared.db import utcnow
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import authorized, validated
from tests.orders.outside import NAMES, made, ready, tell, tell_revoked
from tests.orders.playing import ask
from tests.orders.test_outside_ca import cancel, run_out, timeline


async def reissued(company: Company, kind: str = "reissue") -> tuple[dict[str, Any], int]:
    """An issued order, and a further request on it that its CA was told it may issue."""
    order = await ready(company)
    await tell(company, order, made())
    answer = await ask(company, "POST", f"/order/certificate/{order['id']}/{kind}", {})
    assert answer.status_code == 201, answer.text
    request_id: int = answer.json()["requests"][0]["id"]
    await company.world.deliver("orders", *[validated(company.id, name) for name in NAMES])
    await company.world.deliver("orders", authorized(company.id, order["id"], NAMES, request_id=request_id))
    return await company.order(order["id"]), request_id


async def request_status(company: Company, request_id: int) -> str:
    return str((await ask(company, "GET", f"/request/{request_id}")).json()["status"])


async def test_the_cancellation_of_a_reissue_waits_for_the_outside_ca(world: World, acme: Company) -> None:
    order, request_id = await reissued(acme)

    assert [await cancel(acme, order["id"]), await cancel(acme, order["id"])] == [204, 204]
    await worker.finish_cancellations(world.orders.db)

    assert (await acme.order(order["id"]))["status"] == "reissue_pending"
    assert await request_status(acme, request_id) == "approved"
    assert await world.said("orders", "reissue_cancelled") == []
    waits = [each for each in await timeline(world, order["id"]) if "Reissue: cancellation waits until the CA" in each]
    assert len(waits) == 1


async def test_when_the_time_of_the_outside_ca_is_over_the_reissue_is_canceled_and_the_order_is_as_it_was(
    world: World, acme: Company
) -> None:
    order, request_id = await reissued(acme)
    await cancel(acme, order["id"])

    await run_out(world, order["id"])
    await worker.finish_cancellations(world.orders.db)

    shown = await acme.order(order["id"])
    assert (shown["status"], shown["certificate"]["id"]) == ("issued", order["certificate"]["id"])
    assert await request_status(acme, request_id) == "rejected"
    assert [each["request_id"] for each in await world.said("orders", "reissue_cancelled")] == [request_id]


async def test_a_reissue_that_arrives_while_its_cancellation_waits_is_recorded_and_to_be_revoked(
    world: World, acme: Company
) -> None:
    order, request_id = await reissued(acme)
    await cancel(acme, order["id"])

    issued = made()
    await tell(acme, order, issued, request_id=request_id)

    shown = await acme.order(order["id"])
    assert (shown["status"], shown["certificate"]["id"]) == ("issued", order["certificate"]["id"])
    assert [each["request_id"] for each in await world.said("orders", "reissue_cancelled")] == [request_id]
    [told] = await world.said("orders", "certificate_revocation_requested")
    assert (told["serial_number"], told["reason"]) == (issued.serial_number, "cessationOfOperation")


async def test_a_new_permission_for_a_reissue_whose_cancellation_waits_is_not_told(world: World, acme: Company) -> None:
    order, request_id = await reissued(acme)
    await cancel(acme, order["id"])

    until = utcnow() + timedelta(hours=9)
    await world.deliver("orders", authorized(acme.id, order["id"], NAMES, issue_before=until, request_id=request_id))

    assert len(await world.said("orders", "order_ready_to_issue")) == 2


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_duplicate_that_is_rejected_when_the_outside_ca_has_it_waits_too(
    world: World, acme: Company, arrives: bool
) -> None:
    order, request_id = await reissued(acme, "duplicate")
    rejection = {"status": "rejected", "processor_comment": "Not needed"}

    answer = await ask(acme, "PUT", f"/request/{request_id}/status", rejection)
    before = await request_status(acme, request_id)
    if arrives:
        await tell(acme, order, made(), request_id=request_id)
    else:
        await run_out(world, order["id"])
        await worker.finish_cancellations(world.orders.db)

    shown = (await ask(acme, "GET", f"/request/{request_id}")).json()
    assert (answer.status_code, before) == (204, "approved")
    assert (shown["status"], shown["processor_comment"]) == ("rejected", "Not needed")
    assert shown["processor"]["email"] == "administrator@acme.example"
    assert (await acme.order(order["id"]))["duplicates_count"] == 0
    assert len(await world.said("orders", "certificate_revocation_requested")) == (1 if arrives else 0)


async def test_a_reissue_that_no_ca_was_told_of_is_canceled_at_once(world: World, acme: Company) -> None:
    order = await ready(acme)
    await tell(acme, order, made())
    await ask(acme, "POST", f"/order/certificate/{order['id']}/reissue", {})

    await cancel(acme, order["id"])

    assert (await acme.order(order["id"]))["status"] == "issued"


async def test_an_order_is_revoked_when_its_outside_ca_says_that_all_certificates_are(
    world: World, acme: Company
) -> None:
    order, request_id = await reissued(acme)
    second = made()
    await tell(acme, order, second, request_id=request_id)
    [first, _] = await world.rows("orders", "SELECT serial_number FROM certificate ORDER BY id")
    path, sent = f"/order/certificate/{order['id']}", {"reason": "superseded", "skip_approval": True}

    answer = await ask(acme, "PUT", f"{path}/revoke", sent)
    statuses = [(await acme.order(order["id"]))["status"]]
    refused = await ask(acme, "POST", f"{path}/reissue", {})
    for serial in (first.serial_number, second.serial_number):
        await tell_revoked(acme, order["id"], serial_number=serial, reason="superseded")
        statuses.append((await acme.order(order["id"]))["status"])

    shown = await acme.order(order["id"])
    assert (answer.status_code, statuses) == (204, ["issued", "issued", "revoked"])
    assert (shown["requests"][-1]["type"], shown["requests"][-1]["status"]) == ("revoke", "approved")
    assert f"Order {order['id']} is being revoked and cannot be reissued" in refused.text
    found = (await ask(acme, "GET", "/order/certificate?status=revoked")).json()["orders"]
    assert [each["id"] for each in found] == [order["id"]]
