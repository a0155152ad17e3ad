"""Reminders 30, 14, 7 and 1 days before the end, once each (LC8), and the news that it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.validation.actions.reminding import remind_of_expiry
from services.validation.rules.methods import METHODS, Method, day
from services.validation.rules.proofs import Proof
from services.validation.rules.reminders import next_reminder, offsets_of, over, reminder
from services.validation.rules.reuse import usable_until
from shared.ids import new_id
from tests.conftest import World
from tests.validation.conftest import look
from tests.validation.dns_server import DnsServer, txt
from tests.validation.makers import a_test_policy, an_order
from tests.validation.test_reuse import LEAD

DNS, PERSIST = METHODS["3.2.2.4.7"], METHODS["3.2.2.4.22"]
SOON = timedelta(days=7)


def a_proof(observed_at: datetime, method: Method = DNS) -> Proof:
    until = usable_until(observed_at, method, LEAD)
    assert until
    return Proof(new_id(), "acme.example", observed_at, until, False, method.section)


def told(proof: Proof) -> list[tuple[int, timedelta]]:
    """Everything that is said of it and how long before its end, looked at whenever the plan says so."""
    said: list[tuple[int, timedelta]] = []
    now, last = proof.observed_at, None
    for _ in range(500):
        due = reminder(proof, last, now) if now <= proof.usable_until else over(last)
        if due.days is not None:
            last = due.days
            said.append((last, proof.usable_until - now))
        if due.next_at is None:
            return said
        assert now < due.next_at <= now + SOON
        now = due.next_at
    raise AssertionError("no end")


@pytest.mark.parametrize(
    ("observed", "method", "days"),
    [
        (day(2026, 4, 1), DNS, [30, 14, 7, 1, 0]),
        (day(2026, 11, 22), DNS, [30, 14, 7, 1, 0]),
        (day(2029, 3, 14), DNS, [7, 1, 0]),  # 9 days: 30 and 14 are not shorter than its life
        (day(2026, 11, 22), PERSIST, [1, 0]),  # renews itself on the 7th day
    ],
)
def test_each_offset_shorter_than_the_life_is_told_once_lc8(
    observed: datetime, method: Method, days: list[int]
) -> None:
    proof = a_proof(observed, method)
    said = told(proof)

    assert [one for one, _ in said] == days
    assert all(before == timedelta(days=one) for one, before in said if one)


def test_after_a_stop_only_the_nearest_to_the_end_is_told() -> None:
    proof = a_proof(day(2026, 4, 1))
    now = proof.usable_until - timedelta(days=5)

    assert reminder(proof, None, now).days == 7
    assert reminder(proof, 30, now).days == 7
    assert reminder(proof, 7, now).days is None


def test_a_plan_is_made_anew_each_week_for_tables_change_sv3() -> None:
    proof = a_proof(day(2026, 4, 1))
    assert next_reminder(proof, proof.observed_at) == proof.observed_at + SOON


def test_offsets_of_a_short_life() -> None:
    assert offsets_of(a_proof(day(2029, 4, 1))) == [7, 1]


# ── the step ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def prove(world: World, zone: DnsServer, name: str = "acme.example", order_id: int = 1201) -> None:
    await world.deliver("validation", an_order(name, order_id=order_id))
    submitted = [e for e in await world.said("validation", "domain_submitted") if e["name"] == name]
    zone.scripts[f"_dnsauth.{name}"] = txt(f"_dnsauth.{name}", submitted[-1]["record_value"])
    await look(world, zone)


async def remind(world: World, now: datetime) -> int:
    async with world.validation.db.transaction() as tx:
        return await remind_of_expiry(tx, a_test_policy(), now)


UNTIL = datetime(2026, 10, 17, tzinfo=UTC)  # of what was seen on 2026-04-01


async def prove_in_april(world: World, zone: DnsServer, name: str = "acme.example") -> None:
    await prove(world, zone, name)
    await world.rows("validation", "UPDATE validation SET observed_at = '2026-04-01' RETURNING 1")


async def reminded(world: World) -> list[Any]:
    events = await world.said("validation", "domain_validation_expiring", "domain_validation_expired")
    return [event.get("days", 0) for event in events]


async def walk(world: World, *before: int) -> None:
    for days in before:
        await world.rows(
            "validation", "UPDATE domain SET remind_at = '2020-01-01' WHERE remind_at IS NOT NULL RETURNING 1"
        )
        await remind(world, UNTIL - timedelta(days=days) + timedelta(minutes=1))


async def test_each_is_announced_once_however_often_the_step_runs(world: World, zone: DnsServer) -> None:
    await prove_in_april(world, zone)
    await walk(world, 60, 30, 30, 29, 14, 7, 7, 1, 0, 0)

    assert await reminded(world) == [30, 14, 7, 1, 0]
    [expired] = await world.said("validation", "domain_validation_expired")
    assert (expired["name"], expired["division_id"], expired["authorization_domain"]) == (
        "acme.example", 14, "acme.example",
    )  # fmt: skip
    assert datetime.fromisoformat(expired["usable_until"]) == UNTIL


async def test_a_plan_is_made_when_a_domain_is_proven_and_not_looked_at_before(world: World, zone: DnsServer) -> None:
    await prove(world, zone)

    [row] = await world.rows("validation", "SELECT remind_at FROM domain")
    assert await remind(world, row.remind_at - timedelta(seconds=1)) == 0
    assert await remind(world, row.remind_at) == 1
    assert await remind(world, row.remind_at) == 0


async def test_a_new_validation_cancels_what_was_planned_of_the_old_one(world: World, zone: DnsServer) -> None:
    await prove_in_april(world, zone)
    await walk(world, 30)
    again = "UPDATE validation SET observed_at = '2026-10-01', evidence_id = gen_random_uuid() RETURNING 1"
    await world.rows("validation", again)
    await walk(world, 14, 7, 1, 0)
    assert await reminded(world) == [30]

    await walk(world, 29 - 148)  # 30 days before 2027-03-14
    assert await reminded(world) == [30, 30]


async def test_a_domain_served_by_a_proof_above_it_is_reminded_of_that_one(world: World, zone: DnsServer) -> None:
    await prove(world, zone)
    await world.deliver("validation", an_order("www.acme.example", order_id=2))
    await world.rows("validation", "UPDATE validation SET observed_at = '2026-04-01' RETURNING 1")
    await walk(world, 7)

    names = {event["name"] for event in await world.said("validation", "domain_validation_expiring")}
    assert names == {"acme.example", "www.acme.example"}


async def test_where_another_proof_serves_nothing_has_ended(world: World, zone: DnsServer) -> None:
    """The proof of the name itself is over; one of the domain above it was made meanwhile."""
    await prove_in_april(world, zone, "www.acme.example")
    await world.rows(
        "validation",
        "INSERT INTO validation SELECT (jsonb_populate_record(v, jsonb_build_object('adn', 'acme.example', "
        "'observed_at', timestamptz '2026-10-01'))).* FROM validation v RETURNING 1",
    )
    await world.rows("validation", "UPDATE domain SET remind_at = '2020-01-01' RETURNING 1")
    await remind(world, UNTIL + timedelta(minutes=1))

    assert await world.said("validation", "domain_validation_expired") == []
    [row] = await world.rows("validation", "SELECT current_adn, remind_at FROM domain")
    assert row.current_adn == "acme.example"
    assert row.remind_at > UNTIL


async def test_of_a_deactivated_domain_nothing_is_said(world: World, zone: DnsServer) -> None:
    await prove_in_april(world, zone)
    await world.rows("validation", "UPDATE domain SET deactivated_at = now() RETURNING 1")
    await walk(world, 7, 0)

    assert await reminded(world) == []


async def test_due_ones_are_found_by_their_index_in_batches(world: World) -> None:
    sql = """INSERT INTO domain (account_id, name, needs, created_at, remind_at)
             SELECT 9001, 'n' || n || '.example', 0, now(), now() + n * interval '1 minute'
             FROM generate_series(-300, 20000) AS n RETURNING 1"""
    await world.rows("validation", sql)
    plan = await world.rows(
        "validation",
        "EXPLAIN SELECT * FROM domain WHERE remind_at <= now() ORDER BY remind_at LIMIT 200 FOR UPDATE SKIP LOCKED",
    )

    assert "ix_domain_remind_at" in str(plan)
    assert await remind(world, datetime.now().astimezone()) == 200
    assert await remind(world, datetime.now().astimezone()) == 101
