"""A CA that is told by events what it may issue, and tells by commands what it has issued and revoked."""

from datetime import timedelta
from typing import Any

import pytest

from services.orders import worker
from services.orders.clients.test_ca import TestCa
from shared.db import utcnow
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import authorized, ca_key, csr, rsa_key
from tests.orders.outside import NAMES, made, ready, refusal, tell, tell_revoked, types
from tests.orders.playing import ask


async def cancel(company: Company, order_id: int) -> int:
    async with company.client() as client:
        wish = {"status": "canceled", "note": "Ordered twice"}
        return (await client.put(f"/services/v2/order/certificate/{order_id}/status", json=wish)).status_code


async def run_out(world: World, order_id: int) -> None:
    """The time in which the CA might issue is over."""
    past = "now() - interval '1 minute'"
    over = f"SET cancel_due_at = {past}, permitted_until = {past} WHERE order_id = :id AND cancel_due_at IS NOT NULL"
    await world.rows("orders", f"UPDATE order_request {over} RETURNING id", id=order_id)


async def timeline(world: World, order_id: int) -> list[str]:
    rows = await world.rows(
        "orders", "SELECT sentence FROM timeline_entry WHERE order_id = :id ORDER BY at", id=order_id
    )
    return [row.sentence for row in rows]


async def test_the_outside_ca_is_told_all_it_needs(world: World, acme: Company) -> None:
    order = await ready(acme)

    [told] = await world.said("orders", "order_ready_to_issue")
    assert (told["order_id"], told["request_id"]) == (order["id"], order["requests"][0]["id"])
    assert (told["issuer"], told["signature_hash"], told["names"]) == ("events", "sha256", list(NAMES))
    assert told["csr"] == order["certificate"]["csr"]
    assert order["status"] == "waiting_pickup"


async def test_the_built_in_ca_leaves_orders_of_the_outside_ca_alone(world: World, acme: Company) -> None:
    await ready(acme)

    assert not await worker.issue_next(world.orders.db, TestCa(ca_key()))


async def test_what_it_issued_is_recorded_and_announced(world: World, acme: Company) -> None:
    order, issued = await ready(acme), made()

    await tell(acme, order, issued, request_id=order["requests"][0]["id"])

    shown = await acme.order(order["id"])
    assert (shown["status"], shown["certificate"]["serial_number"]) == ("issued", issued.serial_number)
    [announced] = await world.said("orders", "certificate_issued")
    assert (announced["pem"], announced["request_id"]) == (issued.pem, order["requests"][0]["id"])
    async with acme.client() as client:
        url = f"/services/v2/certificate/{shown['certificate']['id']}/download/format/pem_all"
        assert (await client.get(url)).text == issued.pem + issued.intermediate + issued.root


async def test_said_twice_is_as_good_as_once(world: World, acme: Company) -> None:
    order, issued = await ready(acme), made()

    await tell(acme, order, issued)
    await tell(acme, order, issued)

    assert await types(world) == ["certificate_issued"]


async def test_a_second_certificate_for_one_request_is_refused(world: World, acme: Company) -> None:
    order, second = await ready(acme), made()
    await tell(acme, order, made())

    await tell(acme, order, second)

    assert await types(world) == ["certificate_issued", "command_refused"]
    assert f"one request is issued once. Revoke serial {second.serial_number}." in await refusal(world)


async def test_a_serial_of_another_request_is_refused(world: World, acme: Company) -> None:
    first, second, issued = await ready(acme), await ready(acme), made()
    await tell(acme, first, issued)

    await tell(acme, second, issued)

    assert "of another request; a serial is used once" in await refusal(world)
    assert (await acme.order(second["id"]))["status"] == "waiting_pickup"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"csr": csr(rsa_key())}, "The certificate has another key than the CSR of the request"),
        ({"names": ("evil.example",)}, "The certificate's names are not those of the request: it lacks acme.example"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_recorded(
    world: World, acme: Company, changes: dict[str, Any], sentence: str
) -> None:
    order = await ready(acme)

    await tell(acme, order, made(**changes))

    assert sentence in await refusal(world)
    assert (await acme.order(order["id"]))["status"] == "waiting_pickup"
    assert await world.rows("orders", "SELECT id FROM certificate") == []


async def test_an_order_of_the_built_in_ca_takes_no_certificate_from_outside(world: World, acme: Company) -> None:
    order = await ready(acme, "ssl_dv_geotrust")

    await tell(acme, order, made())

    assert "was not given to an outside CA" in await refusal(world)


async def test_a_request_that_was_never_ready_takes_no_certificate(world: World, acme: Company) -> None:
    async with acme.client() as client:
        sent = {"certificate": {"common_name": NAMES[0], "csr": csr()}, "order_validity": {"years": 1}}
        order = (await client.post("/services/v2/order/certificate/ssl_dv_rapidssl", json=sent)).json()

    await tell(acme, order, made(names=NAMES[:1]))

    assert "was not given to an outside CA" in await refusal(world)


@pytest.mark.parametrize("number", ["another account", "no such order", "no such request"])
async def test_what_is_not_there_is_refused(world: World, acme: Company, globex: Company, number: str) -> None:
    order = await ready(acme)

    if number == "another account":
        await tell(globex, order, made())
    elif number == "no such order":
        await tell(acme, {"id": 5}, made())
    else:
        await tell(acme, order, made(), request_id=5)

    [refused] = await world.said("orders", "command_refused")
    assert refused["code"] == ("not_found|request" if number == "no such request" else "not_found|order")


# ── irregular (LC17) ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("begins", "said"),
    [(timedelta(hours=8), "but might be issued before"), (timedelta(days=-3), "more than 48 hours before")],
)
async def test_a_certificate_that_begins_outside_its_permission_is_kept_marked_and_alarmed_lc17(
    world: World, acme: Company, caplog: pytest.LogCaptureFixture, begins: timedelta, said: str
) -> None:
    order = await ready(acme)

    await tell(acme, order, made(not_before=utcnow() + begins))

    [row] = await world.rows("orders", "SELECT id, irregularity FROM certificate")
    assert said in row.irregularity
    assert (await acme.order(order["id"]))["certificate"]["id"] == row.id
    assert any(f"Certificate {row.id} is irregular" in sentence for sentence in await timeline(world, order["id"]))
    assert f"certificate {row.id} of order {order['id']} is irregular" in caplog.text
    [noted] = await world.rows("orders", "SELECT who, after FROM audit_log WHERE what = 'irregular certificate'")
    assert (noted.who, noted.after["irregularity"]) == ("Outside CA", row.irregularity)


async def test_a_regular_certificate_is_not_marked(world: World, acme: Company) -> None:
    await tell(acme, await ready(acme), made())

    assert [row.irregularity for row in await world.rows("orders", "SELECT irregularity FROM certificate")] == [None]


async def test_a_certificate_of_the_last_permission_counts_although_the_order_is_asked_about_again_lc17(
    world: World, acme: Company
) -> None:
    order = await ready(acme)
    await world.rows("orders", "UPDATE order_request SET ask_again_at = now() RETURNING id")
    await worker.ask_again(world.orders.db)

    await tell(acme, order, made())

    assert (await acme.order(order["id"]))["status"] == "issued"


# ── canceling ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancellation_waits_for_the_outside_ca(world: World, acme: Company) -> None:
    order = await ready(acme)

    status = await cancel(acme, order["id"])

    assert status == 204
    assert (await acme.order(order["id"]))["status"] == "waiting_pickup"
    assert await types(world) == []
    assert any("Cancellation waits until the CA has answered" in each for each in await timeline(world, order["id"]))
    assert not await worker.finish_cancellations(world.orders.db)
    assert await types(world) == []


async def test_when_the_time_of_the_outside_ca_is_over_the_order_is_canceled(world: World, acme: Company) -> None:
    order = await ready(acme)
    await cancel(acme, order["id"])

    await run_out(world, order["id"])
    await worker.finish_cancellations(world.orders.db)

    shown = await acme.order(order["id"])
    assert (shown["status"], shown["facts"]["note"]) == ("canceled", "Ordered twice")
    assert await types(world) == ["order_cancelled"]


async def test_a_certificate_that_arrives_while_a_cancellation_waits_is_recorded_and_to_be_revoked(
    world: World, acme: Company
) -> None:
    order, issued = await ready(acme), made()
    await cancel(acme, order["id"])

    await tell(acme, order, issued)

    assert (await acme.order(order["id"]))["status"] == "canceled"
    assert await types(world) == ["order_cancelled", "certificate_revocation_requested"]
    [told] = await world.said("orders", "certificate_revocation_requested")
    assert (told["serial_number"], told["reason"]) == (issued.serial_number, "cessationOfOperation")
    assert told["issuer"] == "events"


async def test_a_certificate_that_arrives_after_the_cancellation_is_recorded_and_to_be_revoked(
    world: World, acme: Company
) -> None:
    order, issued = await ready(acme), made()
    await cancel(acme, order["id"])
    await run_out(world, order["id"])
    await worker.finish_cancellations(world.orders.db)

    await tell(acme, order, issued)
    await tell(acme, order, issued)

    assert await types(world) == ["order_cancelled", "certificate_revocation_requested"]
    [row] = await world.rows("orders", "SELECT serial_number FROM certificate")
    assert row.serial_number == issued.serial_number


async def test_a_certificate_whose_key_became_known_meanwhile_is_recorded_and_to_be_revoked(
    world: World, acme: Company
) -> None:
    other, order = await ready(acme), await ready(acme)
    await tell(acme, other, made())
    number = (await acme.order(other["id"]))["certificate"]["id"]
    await ask(acme, "PUT", f"/certificate/{number}/revoke", {"reason": "keyCompromise"})

    await tell(acme, order, made())

    asked = await world.said("orders", "certificate_revocation_requested")
    assert [(each["order_id"], each["reason"]) for each in asked] == [
        (other["id"], "keyCompromise"),
        (order["id"], "keyCompromise"),
    ]
    assert (await acme.order(order["id"]))["status"] == "waiting_pickup"
    assert [each["order_id"] for each in await world.said("orders", "certificate_issued")] == [other["id"]]


async def test_two_cancellations_are_one(world: World, acme: Company) -> None:
    order = await ready(acme)

    assert [await cancel(acme, order["id"]), await cancel(acme, order["id"])] == [204, 204]

    waits = [each for each in await timeline(world, order["id"]) if "Cancellation waits" in each]
    assert len(waits) == 1


async def test_an_order_whose_cancellation_waits_is_not_asked_about_again(world: World, acme: Company) -> None:
    order = await ready(acme)
    await cancel(acme, order["id"])
    await world.rows("orders", "UPDATE order_request SET ask_again_at = now() RETURNING id")
    asked = len(await world.said("orders", "authorize_issuance"))

    await worker.ask_again(world.orders.db)

    assert len(await world.said("orders", "authorize_issuance")) == asked


async def test_an_order_that_no_ca_was_told_of_is_canceled_at_once(world: World, acme: Company) -> None:
    order = await acme.place()

    await cancel(acme, order["id"])

    assert (await acme.order(order["id"]))["status"] == "canceled"


async def test_an_order_of_the_built_in_ca_is_canceled_at_once(world: World, acme: Company) -> None:
    order = await ready(acme, "ssl_dv_geotrust")

    await cancel(acme, order["id"])

    assert (await acme.order(order["id"]))["status"] == "canceled"


async def test_a_new_permission_while_a_cancellation_waits_is_not_told_to_the_ca(world: World, acme: Company) -> None:
    order = await ready(acme)
    await cancel(acme, order["id"])

    later = authorized(acme.id, order["id"], NAMES, issue_before=utcnow() + timedelta(hours=9))
    await world.deliver("orders", later)

    assert len(await world.said("orders", "order_ready_to_issue")) == 1


# ── revoking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_the_outside_ca_revoked_is_recorded_and_announced(world: World, acme: Company) -> None:
    order, issued, at = await ready(acme), made(), utcnow()
    await tell(acme, order, issued)

    await tell_revoked(acme, order["id"], serial_number=issued.serial_number.lower(), reason="keyCompromise")
    await tell_revoked(acme, order["id"], serial_number=issued.serial_number.lower(), reason="keyCompromise")

    [told] = await world.said("orders", "certificate_revoked")
    assert (told["serial_number"], told["reason"]) == (issued.serial_number, "keyCompromise")
    assert told["revoked_at"] >= at.isoformat()[:19]
    number = (await acme.order(order["id"]))["certificate"]["id"]
    async with acme.client() as client:
        assert (await client.get(f"/services/v2/certificate/{number}")).json()["status"] == "revoked"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "has no such certificate; name its certificate_id or its serial_number"),
        ({"serial_number": "0A"}, "has no such certificate"),
        ({"reason": "bored"}, 'There is no revocation reason "bored"; use one of unspecified, keyCompromise'),
        ({"revoked_at": utcnow() - timedelta(days=1)}, "cannot have been revoked at"),
        ({"revoked_at": utcnow() + timedelta(days=1)}, "cannot have been revoked at"),
    ],
)
async def test_a_revocation_that_cannot_be_is_refused(
    world: World, acme: Company, changes: dict[str, Any], sentence: str
) -> None:
    order, issued = await ready(acme), made()
    await tell(acme, order, issued)
    known = {"serial_number": issued.serial_number} if changes and "serial_number" not in changes else {}

    await tell_revoked(acme, order["id"], **{**known, **changes})

    assert sentence in await refusal(world)
    assert await world.said("orders", "certificate_revoked") == []
