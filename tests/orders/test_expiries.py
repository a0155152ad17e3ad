"""What is told of a certificate's end, and the reissue that meets it by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.orders import actions
from services.orders.worker.calendar import Calendar
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import body
from tests.orders.playing import ask, issue, issued, let_days_pass, refusal, reissue, revoke_all


async def told(world: World) -> list[int | str]:
    """The days of each notice, and the end itself."""
    said = await world.said("orders", "certificate_expiring", "certificate_expired")
    return [event.get("days", "expired") for event in said]


async def look(world: World) -> None:
    step = Calendar(world.orders.db)
    while await step.step():
        pass


async def days_left(acme: Company, order: dict[str, Any]) -> int:
    left: int = (await acme.order(order["id"]))["certificate"]["days_remaining"]
    return left


async def test_an_end_is_told_at_90_60_30_7_and_0_days_once_each_and_then_it_is_over(
    world: World, acme: Company
) -> None:
    order = await issued(world, acme)
    left = await days_left(acme, order)
    for days in (100, 90, 89, 60, 31, 30, 7, 1, 0, -1, -50):
        await let_days_pass(world, left - days)
        left = days
        await look(world)
        await look(world)

    assert await told(world) == [90, 60, 30, 7, 0, "expired"]
    [first, *_] = await world.said("orders", "certificate_expiring")
    assert first["certificate_id"] == order["certificate"]["id"]
    assert (first["order_id"], first["common_name"]) == (order["id"], "www.acme.example")


async def test_a_notice_survives_a_restart_and_one_that_was_missed_is_not_told_late(
    world: World, acme: Company
) -> None:
    order = await issued(world, acme)
    await let_days_pass(world, await days_left(acme, order) - 20)

    await look(world)

    assert await told(world) == [30]


async def test_two_workers_tell_it_once(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    await let_days_pass(world, await days_left(acme, order) - 60)

    for _ in range(2):
        async with world.orders.db.transaction() as tx:
            await actions.tell_expiries(tx, datetime.now(UTC))

    assert await told(world) == [60]


@pytest.mark.parametrize("why", ["disabled", "renewed", "replaced", "revoked"])
async def test_nobody_is_reminded_of_what_is_disabled_renewed_replaced_or_revoked(
    world: World, acme: Company, why: str
) -> None:
    order = await issued(world, acme, disable_renewal_notifications=1 if why == "disabled" else 0)
    left = await days_left(acme, order)
    if why == "renewed":
        await acme.place(renewal_of_order_id=order["id"])
    if why == "replaced":
        request_id = (await reissue(acme, order["id"]))["requests"][0]["id"]
        await issue(world, acme, order["id"], request_id=request_id)
        await world.rows("orders", "DELETE FROM expiry WHERE certificate_id > :id RETURNING 1",
                         id=order["certificate"]["id"])  # fmt: skip
    if why == "revoked":
        await ask(acme, "PUT", f"/order/certificate/{order['id']}/revoke", {"skip_approval": True})
        await revoke_all(world)

    for days in (30, 0, -1):
        await let_days_pass(world, left - days)
        left = days
        await look(world)

    assert await told(world) == ([] if why == "revoked" else ["expired"])


async def test_an_ended_order_says_expired_and_is_listed_as_issued(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    async with world.orders.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE certificate DISABLE TRIGGER append_only"))
    await world.rows("orders", "UPDATE certificate SET valid_till = '2026-01-01' RETURNING 1")

    assert (await acme.order(order["id"]))["status"] == "expired"
    found = (await ask(acme, "GET", "/order/certificate?status=issued")).json()["orders"]
    assert [each["status"] for each in found] == ["expired"]


# ── by itself ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_for_years_is_reissued_by_itself_thirty_days_before_the_end(world: World, acme: Company) -> None:
    order = await issued(world, acme, auto_reissue=1)
    left = await days_left(acme, order)
    await let_days_pass(world, left - 31)
    await look(world)
    assert (await acme.order(order["id"]))["status"] == "issued"

    await let_days_pass(world, 1)
    await look(world)
    await look(world)

    shown = await acme.order(order["id"])
    assert (shown["status"], [each["type"] for each in shown["requests"]]) == (
        "reissue_pending",
        ["new_request", "reissue"],
    )
    assert shown["requests"][1]["status"] == "approved"
    assert (await world.said("orders", "request_submitted"))[-1]["requested_by"] == "Automatic reissue"
    await issue(world, acme, order["id"], request_id=shown["requests"][1]["id"])
    assert (await acme.order(order["id"]))["reissues_count"] == 1


@pytest.mark.parametrize("why", ["not wished", "the order ends with it", "renewed", "being reissued", "revoked"])
async def test_an_order_is_left_alone_where_nothing_is_to_be_replaced(world: World, acme: Company, why: str) -> None:
    term = {"days": 100} if why == "the order ends with it" else {"years": 1}
    order = await issued(world, acme, auto_reissue=why != "not wished", order_validity=term)
    if why == "renewed":
        await acme.place(renewal_of_order_id=order["id"])
    if why == "being reissued":
        await reissue(acme, order["id"])
    if why == "revoked":
        revoke = {"reason": "superseded", "skip_approval": True}
        await ask(acme, "PUT", f"/certificate/{order['certificate']['id']}/revoke", revoke)
    before = len((await acme.order(order["id"]))["requests"])

    await let_days_pass(world, await days_left(acme, order) - 20)
    await look(world)

    assert len((await acme.order(order["id"]))["requests"]) == before


async def test_what_cannot_be_reissued_by_itself_says_so_once(world: World, acme: Company) -> None:
    order = await issued(world, acme, auto_reissue=True)
    block = "INSERT INTO blocked_key SELECT key_sha256, id, now(), 'x' FROM certificate RETURNING 1"
    await world.rows("orders", block)
    await let_days_pass(world, await days_left(acme, order) - 20)

    await look(world)
    await look(world)

    query = "SELECT sentence FROM timeline_entry WHERE who = 'Automatic reissue'"
    [row] = await world.rows("orders", query)
    assert row.sentence.startswith("Could not be reissued by itself: The CSR's key was reported as compromised")


async def test_it_is_switched_on_and_off_by_its_route(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    path = f"/order/certificate/{order['id']}/auto-reissue"
    await let_days_pass(world, await days_left(acme, order) - 20)
    await look(world)

    on = await ask(acme, "PUT", path, {"auto_reissue": 1})
    assert (on.status_code, on.content) == (204, b"")
    assert (await acme.order(order["id"]))["auto_reissue"] == 1
    off = await ask(acme, "PUT", path, {"auto_reissue": "0"})
    assert (await acme.order(order["id"]))["auto_reissue"] == 0
    await ask(acme, "PUT", path, {"auto_reissue": True})
    await look(world)

    assert off.status_code == 204
    assert (await acme.order(order["id"]))["status"] == "reissue_pending"
    assert refusal(await ask(acme, "PUT", path, {}))[0] == 400
    assert (await ask(acme, "PUT", path, {"auto_reissue": 1}, "finance_manager")).status_code == 403


# ── renewals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_renewal_is_a_new_order_with_up_to_thirty_days_more(world: World, acme: Company) -> None:
    old = await issued(world, acme)
    await world.rows("orders", "UPDATE certificate_order SET valid_till = current_date + 12 RETURNING 1")

    new = await issued(world, acme, renewal_of_order_id=old["id"])

    today = datetime.now(UTC).date()
    assert (new["is_renewal"], new["renewed_order_id"]) == (True, old["id"])
    assert new["order_valid_till"] == (today.replace(year=today.year + 1) + timedelta(days=12)).isoformat()
    shown = await acme.order(old["id"])
    assert (shown["is_renewed"], shown["facts"]["renewed_by_order_id"]) == (True, new["id"])
    assert "renewed_order_id" not in shown


async def test_an_order_is_renewed_once_unless_that_was_given_up(world: World, acme: Company) -> None:
    old = await issued(world, acme)
    first = (await acme.place(renewal_of_order_id=str(old["id"])))["id"]

    again = await place(acme, renewal_of_order_id=old["id"])
    assert refusal(again) == (400, "invalid_state", f"Order {old['id']} is renewed already, by order {first}.")
    await ask(acme, "PUT", f"/order/certificate/{first}/status", {"status": "canceled", "note": "Mistake"})

    assert not (await acme.order(old["id"]))["is_renewed"]
    assert (await place(acme, renewal_of_order_id=old["id"])).status_code == 201


async def test_only_an_issued_order_that_one_may_see_is_renewed(world: World, acme: Company, globex: Company) -> None:
    pending, theirs = (await acme.place())["id"], await issued(world, globex)

    assert refusal(await place(acme, renewal_of_order_id=pending))[2] == (
        f"Order {pending} is pending; only an issued order can be renewed."
    )
    for number in (theirs["id"], 999_999):
        assert (await place(acme, renewal_of_order_id=number)).status_code == 404


async def place(company: Company, **changes: Any) -> Any:
    return await ask(company, "POST", "/order/certificate/ssl_dv_geotrust", body(**changes))
