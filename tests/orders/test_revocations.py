"""PUT …/revoke for a certificate and for an order: approval, compromised keys, and what becomes of the order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.orders import actions, worker
from services.orders.clients.test_ca import TestCa
from shared.db import utcnow
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import authorized, body, ca_key, charged, csr, rsa_key, validated
from tests.orders.playing import NAMES, ask, issue, issued, refusal, reissue, revoke_all

SKIP = {"skip_approval": True}


def of_order(order: dict[str, Any]) -> str:
    return f"/order/certificate/{order['id']}/revoke"


def of_certificate(order: dict[str, Any], by: str = "id") -> str:
    return f"/certificate/{order['certificate'][by]}/revoke"


async def revocations(world: World) -> list[Any]:
    return await world.rows("orders", "SELECT * FROM revocation ORDER BY certificate_id")


@pytest.mark.parametrize("by", ["id", "serial_number"])
async def test_one_certificate_is_revoked_by_its_id_or_serial_and_the_order_stays(
    world: World, acme: Company, by: str
) -> None:
    order = await issued(world, acme)

    answer = await ask(acme, "PUT", of_certificate(order, by), {"revocation_reason": "superseded"} | SKIP)
    await revoke_all(world)

    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    [asked] = await world.said("orders", "certificate_revocation_requested")
    [said] = await world.said("orders", "certificate_revoked")
    assert (asked["certificate_id"], asked["reason"]) == (order["certificate"]["id"], "superseded")
    assert (said["serial_number"], said["reason"]) == (order["certificate"]["serial_number"], "superseded")
    shown = await acme.order(order["id"])
    assert (shown["status"], "revoked_at" in shown["facts"]) == ("issued", False)
    assert said["request_id"] == shown["requests"][1]["id"]
    await reissue(acme, order["id"], certificate={"csr": csr(rsa_key())})


async def test_all_certificates_of_an_order_are_revoked_and_it_is_revoked_itself(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    again = (await reissue(acme, order["id"]))["requests"][0]["id"]
    await issue(world, acme, order["id"], request_id=again)

    answer = await ask(acme, "PUT", of_order(order), {"reason": "cessation_of_operation", "comment": "Closed"} | SKIP)
    assert (await acme.order(order["id"]))["status"] == "issued"
    await worker.revoke_next(world.orders.db)
    assert (await acme.order(order["id"]))["status"] == "issued"
    await revoke_all(world)

    assert answer.status_code == 204
    assert len(await world.said("orders", "certificate_revoked")) == 2
    shown = await acme.order(order["id"])
    assert (shown["status"], shown["requests"][-1]["type"]) == ("revoked", "revoke")
    assert shown["requests"][-1]["comments"] == "Closed"
    found = (await ask(acme, "GET", "/order/certificate?status=revoked")).json()["orders"]
    assert [each["id"] for each in found] == [order["id"]]
    refused = await ask(acme, "POST", f"/order/certificate/{order['id']}/reissue", {})
    assert f"Order {order['id']} is revoked and cannot be reissued" in refusal(refused)[2]


async def test_without_skipping_the_approval_the_request_is_answered_and_waits(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    answer = await ask(acme, "PUT", of_order(order), {"revocation_reason": "superseded", "comments": "Key rotated"})

    body = answer.json()
    assert answer.status_code == 201
    assert (body["type"], body["status"], body["comments"]) == ("revoke", "pending", "Key rotated")
    assert body["requester"]["email"] == "administrator@acme.example"
    assert datetime.fromisoformat(body["date"]) <= datetime.now(UTC)
    assert await revocations(world) == []
    assert (await acme.order(order["id"]))["status"] == "issued"
    submitted = (await world.said("orders", "request_submitted"))[-1]
    told = {"request_id": body["id"], "request_type": "revoke", "needs_approval": True, "reason": "superseded"}
    assert submitted | told == submitted


async def test_skipping_is_for_administrators(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    answer = await ask(acme, "PUT", of_order(order), {"revocation_reason": "superseded"} | SKIP, "manager")

    assert (answer.status_code, answer.json()["status"]) == (201, "pending")


async def test_an_approved_revocation_is_carried_out_and_a_rejected_one_is_not(world: World, acme: Company) -> None:
    first, second = [await issued(world, acme, "standard_user") for _ in range(2)]
    asked = [(await ask(acme, "PUT", of_order(each), {}, "standard_user")).json()["id"] for each in (first, second)]

    own = await ask(acme, "PUT", f"/request/{asked[0]}/status", {"status": "approved"}, "standard_user")
    yes = await ask(
        acme, "PUT", f"/request/{asked[0]}/status", {"status": "approved", "processor_comment": "ok"}, "manager"
    )
    no = await ask(acme, "PUT", f"/request/{asked[1]}/status", {"status": "rejected", "processor_comment": "Why?"})

    assert own.status_code == 403
    assert "You asked for this yourself" in refusal(own)[2]
    assert (yes.status_code, no.status_code) == (204, 204)
    assert [row.order_id for row in await revocations(world)] == [first["id"]]
    await revoke_all(world)
    assert (await acme.order(first["id"]))["status"] == "revoked"
    assert (await acme.order(second["id"]))["status"] == "issued"
    shown = (await ask(acme, "GET", f"/request/{asked[0]}")).json()
    assert (shown["status"], shown["processor_comment"]) == ("approved", "ok")
    assert shown["processor"]["email"] == "manager@acme.example"


async def test_revoking_twice_is_answered_with_a_sentence(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    await ask(acme, "PUT", of_certificate(order), {} | SKIP)
    again = await ask(acme, "PUT", of_certificate(order), {} | SKIP)
    all_of_it = await ask(acme, "PUT", of_order(order), {} | SKIP)

    expected = f"Certificate {order['certificate']['id']} is revoked already, or about to be."
    assert refusal(again) == (400, "invalid_state", expected)
    assert refusal(all_of_it)[2] == f"Order {order['id']} is revoked already, or about to be."
    assert len(await revocations(world)) == 1


async def test_a_revocation_that_waits_is_not_asked_for_again(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    waiting = (await ask(acme, "PUT", of_order(order), {})).json()["id"]

    again = await ask(acme, "PUT", of_certificate(order), {})

    assert refusal(again)[2] == f"The revocation asked for by request {waiting} waits to be decided."


async def test_an_order_without_certificate_is_canceled_instead(acme: Company) -> None:
    order_id = (await acme.place())["id"]

    answer = await ask(acme, "PUT", f"/order/certificate/{order_id}/revoke", {})

    assert refusal(answer)[2] == (f"Order {order_id} is pending and has no certificate to revoke; cancel it instead.")


async def test_an_unknown_reason_is_400(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    answer = await ask(acme, "PUT", of_order(order), {"revocation_reason": "because"})

    assert refusal(answer)[:2] == (400, "bad_request_format")
    assert 'There is no revocation reason "because"; use one of unspecified, keyCompromise' in refusal(answer)[2]


@pytest.mark.parametrize("sent", ['{"reason": "\\ud800"}', '{"reason": "superseded", "comments": "\\ud800"}'])
async def test_half_a_character_is_400(world: World, acme: Company, sent: str) -> None:
    order = await issued(world, acme)

    async with acme.client("administrator") as client:
        headers = {"content-type": "application/json"}
        answer = await client.put(f"/services/v2{of_order(order)}", content=sent, headers=headers)

    assert refusal(answer)[:2] == (400, "bad_request_format")
    assert await revocations(world) == []


async def test_a_certificate_of_another_account_is_not_found(world: World, acme: Company, globex: Company) -> None:
    order = await issued(world, acme)

    for path in (of_certificate(order), of_certificate(order, "serial_number"), of_order(order)):
        answer = await ask(globex, "PUT", path, {"revocation_reason": "keyCompromise"})
        assert (answer.status_code, answer.json()["errors"][0]["code"].split("|")[0]) == (404, "not_found")
    assert (await ask(acme, "PUT", of_order(order), {}, "finance_manager")).status_code == 403
    assert (await ask(acme, "PUT", "/certificate/%00/revoke", {})).status_code == 404


# ── compromised keys ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_compromised_key_needs_no_approval_and_lists_others_with_it(
    world: World, acme: Company, globex: Company
) -> None:
    order, other = await issued(world, acme), await issued(world, acme)
    await issued(world, globex)

    answer = await ask(acme, "PUT", of_certificate(order), {"reason": "key_compromise"}, "standard_user")

    body = answer.json()
    assert (answer.status_code, body["status"]) == (201, "approved")
    assert [(each["id"], each["order_id"]) for each in body["other_certificates"]] == [
        (other["certificate"]["id"], other["id"])
    ]
    assert len(await revocations(world)) == 1
    [row] = await world.rows("orders", "SELECT after FROM audit_log WHERE what = 'key blocked'")
    assert len(row.after["certificates"]) == 2  # the staff sees those of every account


async def test_a_compromised_key_is_certified_for_nobody_any_more(world: World, acme: Company, globex: Company) -> None:
    order = await issued(world, acme)
    await ask(acme, "PUT", of_certificate(order), {"reason": "keyCompromise"} | SKIP)

    placed = await ask(globex, "POST", "/order/certificate/ssl_dv_geotrust", body())
    again = await ask(acme, "POST", f"/order/certificate/{order['id']}/reissue", {})
    fresh = await ask(acme, "POST", f"/order/certificate/{order['id']}/reissue",
                      {"certificate": {"csr": csr(rsa_key())}})  # fmt: skip

    for answer in (placed, again):
        assert refusal(answer)[:2] == (400, "key_compromised")
        assert "was reported as compromised" in refusal(answer)[2]
    assert fresh.status_code == 201


async def test_a_key_that_becomes_known_is_not_certified_on_what_was_ordered_before(
    world: World, acme: Company
) -> None:
    """Neither before the permission, nor between it and the signature."""
    order = await issued(world, acme)
    early, late = [(await acme.place())["id"] for _ in range(2)]
    await world.deliver("orders", *[charged(acme.id, each) for each in (early, late)])
    await world.deliver("orders", *[validated(acme.id, name) for name in NAMES], authorized(acme.id, late, NAMES))

    await ask(acme, "PUT", of_certificate(order), {"reason": "keyCompromise"})
    await issue(world, acme, early)
    await worker.issue_next(world.orders.db, TestCa(ca_key()))

    for order_id in (early, late):
        assert (await acme.order(order_id))["status"] in ("pending", "waiting_pickup")
        notes = await world.rows("orders", f"SELECT * FROM timeline_entry WHERE order_id = {order_id}")
        assert any("was reported as compromised" in str(each) for each in notes)
    assert len(await world.said("orders", "certificate_issued")) == 1


async def test_a_certificate_that_was_being_signed_when_its_key_became_known_is_not_handed_out(
    world: World, acme: Company
) -> None:
    order, order_id = await issued(world, acme), (await acme.place())["id"]
    await world.deliver("orders", charged(acme.id, order_id), *[validated(acme.id, name) for name in NAMES])
    await world.deliver("orders", authorized(acme.id, order_id, NAMES))
    async with world.orders.db.transaction() as tx:
        signing = await actions.claim_signing(tx, utcnow())
    assert signing
    signed = TestCa(ca_key()).issue(signing.wanted)

    await ask(acme, "PUT", of_certificate(order), {"reason": "keyCompromise"})
    async with world.orders.db.transaction() as tx:
        assert not await actions.record_issued(tx, signing, signed, utcnow())


async def test_a_compromised_key_does_not_wait_behind_a_wish_that_has_to_be_approved(
    world: World, acme: Company
) -> None:
    order = await issued(world, acme)
    waiting = (await ask(acme, "PUT", of_certificate(order), {"reason": "superseded"}, "standard_user")).json()["id"]

    answer = await ask(acme, "PUT", of_certificate(order), {"reason": "keyCompromise"}, "standard_user")

    assert (answer.status_code, answer.json()["status"]) == (201, "approved")
    [revocation] = await revocations(world)
    assert revocation.reason == "keyCompromise"
    [decided] = [each for each in await world.said("orders", "request_decided") if each["request_id"] == waiting]
    assert decided["decision"] == "rejected"
    assert decided["comment"] == f"Overtaken by request {answer.json()['id']}, which needs no approval"


async def test_nor_behind_one_for_the_whole_order_which_goes_on_waiting(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    waiting = (await ask(acme, "PUT", of_order(order), {"reason": "superseded"})).json()["id"]

    answer = await ask(acme, "PUT", of_certificate(order), {"reason": "superseded"} | SKIP)

    assert answer.status_code == 204
    shown = await acme.order(order["id"])
    assert [each["status"] for each in shown["requests"] if each["id"] == waiting] == ["pending"]


async def test_a_revoked_order_ends_what_was_still_to_be_issued(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    request_id = (await reissue(acme, order["id"]))["requests"][0]["id"]

    await ask(acme, "PUT", of_order(order), {} | SKIP)
    await issue(world, acme, order["id"], request_id=request_id)
    await revoke_all(world)

    shown = await acme.order(order["id"])
    assert (shown["status"], shown["reissues_count"]) == ("revoked", 0)
    assert [event["request_id"] for event in await world.said("orders", "reissue_cancelled")] == [request_id]


# ── left undecided ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_nobody_decides_for_twelve_hours_is_for_the_staff(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    asked = (await ask(acme, "PUT", of_order(order), {})).json()["id"]

    async def look(hours: float) -> list[int]:
        async with world.orders.db.transaction() as tx:
            await actions.escalate_revocations(tx, datetime.now(UTC) + timedelta(hours=hours))
        found = await ask(acme, "GET", "/request?filters[waits_for_staff]=true", role="operator")
        return [each["id"] for each in found.json()["requests"]]

    assert await look(11.9) == []
    assert await look(12.1) == [asked]
    done = await ask(acme, "PUT", f"/request/{asked}/status", {"status": "approved"}, "operator")
    assert done.status_code == 204
    assert await look(13) == []
