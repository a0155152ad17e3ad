"""Persistent records are looked at again every 7 days, by themselves (PT9, PT12, PT13), over weeks: time is moved by
letting everything that has one grow older."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.validation.actions import renewing
from services.validation.rules.renewing import is_young, next_renewal
from shared.db import utcnow
from tests.conftest import World
from tests.validation.conftest import let_pass, look, make_due
from tests.validation.dns_server import DnsServer, txt
from tests.validation.makers import ACCOUNT, a_cancellation, a_test_policy, an_order
from tests.validation.office import D, add, key_of, signed_in, words
from tests.validation.test_reminders import remind

NAME = "acme.example"
RECORD = f"_validation-persist.{NAME}"
VALUE = f"ca.example;accounturi=acct:{ACCOUNT}@ca.example;policy=wildcard"
AGAIN = {"validations": [{"type": "ov"}], "dcv_method": "dns-persist"}


async def publish(zone: DnsServer, more: str = "") -> None:
    zone.scripts[RECORD] = txt(RECORD, VALUE + more)


async def prove(world: World, zone: DnsServer, *names: str) -> None:
    await publish(zone)
    await world.deliver("validation", an_order(*(names or (NAME,)), dcv_method="dns-persist"))
    await look(world, zone)


async def renew(world: World, now: datetime | None = None) -> int:
    async with world.validation.db.transaction() as tx:
        return await renewing.renew_due(tx, a_test_policy(), now or utcnow())


async def days(world: World, zone: DnsServer, passed: int) -> None:
    """Each with all that the workers do in it."""
    for _ in range(passed):
        await let_pass(world, 1)
        await renew(world)
        await make_due(world)
        await look(world, zone)
        await remind(world, utcnow())


async def the(world: World, table: str, **wanted: Any) -> Any:
    where = " AND ".join(f"{column} = '{value}'" for column, value in wanted.items()) or "true"
    [row] = await world.rows("validation", f"SELECT * FROM {table} WHERE {where}")
    return row


async def said(world: World, kind: str) -> list[Any]:
    return await world.said("validation", f"domain_{kind}")


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_renewal_is_never_later_than_7_days_and_those_proven_together_are_spread() -> None:
    seen = datetime(2026, 11, 22, tzinfo=UTC)
    planned = [next_renewal(seen) - seen for _ in range(200)]

    assert max(planned) <= timedelta(days=7)
    assert min(planned) >= timedelta(days=6.3)
    assert max(planned) - min(planned) > timedelta(hours=8)
    assert is_young(seen, seen + timedelta(days=6))
    assert not any(is_young(seen, seen + pause) for pause in planned)


# ── over weeks ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_that_stays_renews_its_domain_every_week_and_nobody_is_reminded(
    world: World, zone: DnsServer
) -> None:
    await prove(world, zone)
    first = (await the(world, "validation")).evidence_id

    await days(world, zone, 30)

    attempts = await world.rows("validation", "SELECT * FROM attempt ORDER BY opened_at")
    assert [(row.renews, row.ended, row.opened_by, row.token) for row in attempts] == [
        (False, "passed", None, None), *[(True, "passed", None, None)] * 4,
    ]  # fmt: skip
    assert len(await said(world, "validated")) == 5
    assert await said(world, "validation_expiring") == await said(world, "validation_expired") == []
    assert await said(world, "validation_failed") == []
    assert len(await said(world, "submitted")) == 1  # nobody has to publish anything
    current = await the(world, "validation")
    assert current.evidence_id != first
    assert current.observed_at > utcnow() - timedelta(days=7)
    assert (await the(world, "domain")).renew_at > utcnow()


async def test_before_its_time_nothing_is_looked_at(world: World, zone: DnsServer) -> None:
    await prove(world, zone)
    planned = (await the(world, "domain")).renew_at

    assert await renew(world, planned - timedelta(seconds=1)) == 0
    assert await renew(world, planned) == 1
    assert await renew(world, planned) == 0


async def test_the_renewing_attempt_ends_with_the_evidence_and_polls_like_any_other(
    world: World, zone: DnsServer
) -> None:
    await prove(world, zone)
    zone.scripts.clear()
    await let_pass(world, 7)
    until = (await the(world, "validation")).observed_at + timedelta(days=9)
    await renew(world)
    await look(world, zone)

    attempt = await the(world, "attempt", renews=True)
    [failed] = await said(world, "validation_failed")
    assert (attempt.closed_at, attempt.checks, attempt.expires_at) == (None, 1, until)
    assert utcnow() < attempt.due_at < utcnow() + timedelta(minutes=2)
    assert (failed["outcome"], failed["final"]) == ("NOTFOUND", False)


async def test_pt12_a_record_that_is_gone_ends_renewal_is_said_once_and_its_evidence_lives_out_its_days(
    world: World, zone: DnsServer
) -> None:
    await prove(world, zone)
    before = await the(world, "validation")
    zone.scripts.clear()

    await days(world, zone, 8)
    after = await the(world, "validation")
    assert (after.evidence_id, after.withdrawn_at) == (before.evidence_id, None)
    assert [event["days"] for event in await said(world, "validation_expiring")] == [1]  # LC8: it did not succeed
    assert not any(event["final"] for event in await said(world, "validation_failed"))

    await days(world, zone, 12)
    finals = [event for event in await said(world, "validation_failed") if event["final"]]
    attempts = await world.rows("validation", "SELECT ended FROM attempt ORDER BY opened_at")
    assert [row.ended for row in attempts] == ["passed", "not_renewed"]
    assert [event["outcome"] for event in finals] == ["POLICY"]
    assert "not renewed by itself any more" in finals[0]["message"]
    assert "There is no TXT record" in finals[0]["message"]
    assert len(await said(world, "validation_expired")) == 1
    assert (await the(world, "domain")).renew_at is None


async def test_a_record_that_comes_back_in_time_goes_on_being_renewed(world: World, zone: DnsServer) -> None:
    await prove(world, zone)
    zone.scripts.clear()
    await days(world, zone, 8)
    await publish(zone)
    await days(world, zone, 14)

    attempts = await world.rows("validation", "SELECT renews, ended FROM attempt ORDER BY opened_at")
    assert [row.ended for row in attempts] == ["passed"] * len(attempts)
    assert sum(row.renews for row in attempts) == 2
    assert await said(world, "validation_expired") == []


async def test_a_record_past_its_persist_until_ends_renewal_at_once_and_the_evidence_stays(
    world: World, zone: DnsServer
) -> None:
    await prove(world, zone)
    await publish(zone, f";persistUntil={int(utcnow().timestamp()) - 60}")
    await days(world, zone, 8)

    [final] = [event for event in await said(world, "validation_failed") if event["final"]]
    assert (final["outcome"], (await the(world, "attempt", renews=True)).ended) == ("POLICY", "failed")
    assert (await the(world, "validation")).withdrawn_at is None
    assert (await the(world, "domain")).renew_at is None


async def test_an_order_served_meanwhile_does_not_begin_a_renewal_that_ended(world: World, zone: DnsServer) -> None:
    await prove(world, zone)
    await publish(zone, ";persistUntil=1")
    await days(world, zone, 8)
    await world.deliver("validation", an_order(NAME, order_id=2))

    assert [event["name"] for event in await said(world, "validated")] == [NAME, NAME]
    assert (await the(world, "domain")).renew_at is None


# ── what ends it ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_that_is_over_does_not_end_the_renewal_under_way(world: World, zone: DnsServer) -> None:
    placed = an_order(NAME, dcv_method="dns-persist")
    await publish(zone)
    await world.deliver("validation", placed)
    await look(world, zone)
    await let_pass(world, 7)
    await renew(world)

    await world.deliver("validation", a_cancellation(placed))
    await look(world, zone)

    assert (await the(world, "attempt", renews=True)).ended == "passed"


@pytest.mark.parametrize("deed", ["deactivate", "delete", "method", "cancel"])
async def test_deactivating_deleting_or_changing_the_method_ends_it(office: World, zone: DnsServer, deed: str) -> None:
    await publish(zone)
    async with key_of(office) as http:
        one = await add(http, NAME, "dns-persist")
        await look(office, zone)
        if deed == "deactivate":
            assert (await http.put(f"{D}/{one['id']}/deactivate")).status_code == 204
        elif deed == "delete":
            assert (await http.delete(f"{D}/{one['id']}")).status_code == 204
        elif deed == "method":
            changed = await http.put(f"{D}/{one['id']}/dcv/method", json={"dcv_method": "dns-txt-token"})
            assert changed.status_code == 200, changed.text
        else:
            await let_pass(office, 7)
            await renew(office)
            assert (await http.delete(f"{D}/{one['id']}/validation")).status_code == 204
    zone.asked.clear()
    await days(office, zone, 15)

    assert len(await said(office, "validated")) == 1
    assert RECORD not in zone.names_asked()


async def test_while_another_attempt_is_open_it_waits_and_follows_when_that_one_proves_nothing(
    office: World, zone: DnsServer
) -> None:
    await publish(zone)
    async with key_of(office) as http:
        one = await add(http, NAME, "dns-persist")
        await look(office, zone)
        await let_pass(office, 7)
        again = await http.post(f"{D}/{one['id']}/validation", json=AGAIN)
        assert again.status_code == 201, again.text
        await renew(office)
        assert len(await office.rows("validation", "SELECT 1 FROM attempt WHERE closed_at IS NULL")) == 1
        assert (await http.delete(f"{D}/{one['id']}/validation")).status_code == 204
    assert await renew(office) == 0
    await office.rows("validation", "UPDATE domain SET renew_at = renew_at - interval '61 minutes' RETURNING 1")
    assert await renew(office) == 1
    await look(office, zone)

    assert (await the(office, "attempt", renews=True)).ended == "passed"


async def test_a_person_who_submits_while_it_is_tried_again_gets_the_whole_life_of_a_value(
    office: World, zone: DnsServer
) -> None:
    await publish(zone)
    async with key_of(office) as http:
        one = await add(http, NAME, "dns-persist")
        await look(office, zone)
        await let_pass(office, 7)
        await renew(office)
        again = await http.post(f"{D}/{one['id']}/validation", json=AGAIN)
        assert again.status_code == 201, again.text

    attempt = await the(office, "attempt", renews=True)
    assert attempt.expires_at == attempt.token_created_at + timedelta(days=30)


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_domains_that_rest_on_one_record_are_renewed_by_one_look(world: World, zone: DnsServer) -> None:
    names = [NAME, *(f"n{n}.{NAME}" for n in range(4))]
    await prove(world, zone, *names)
    evidence = len(await world.rows("validation", "SELECT 1 FROM evidence WHERE outcome = 'PASS'"))
    await let_pass(world, 7)
    await world.rows("validation", f"UPDATE domain SET renew_at = now() WHERE name = 'n1.{NAME}' RETURNING 1")
    await world.rows(
        "validation", f"UPDATE domain SET renew_at = now() + interval '1 second' WHERE name <> 'n1.{NAME}' RETURNING 1"
    )
    await renew(world)
    await look(world, zone)
    await renew(world, utcnow() + timedelta(seconds=1))
    await look(world, zone)

    renewed = await world.rows("validation", "SELECT name FROM attempt WHERE renews")
    assert [row.name for row in renewed] == [f"n1.{NAME}"]
    assert len(await world.rows("validation", "SELECT 1 FROM evidence WHERE outcome = 'PASS'")) == evidence + 1
    later = await world.rows("validation", "SELECT renew_at FROM domain")
    assert min(row.renew_at for row in later) > utcnow() + timedelta(days=6)


async def test_those_due_are_found_by_their_index_in_batches(world: World) -> None:
    sql = """INSERT INTO domain (account_id, name, method, needs, created_at, renew_at)
             SELECT 9001, 'n' || n || '.example', 'dns-persist', 0, now(), now() + n * interval '1 minute'
             FROM generate_series(-300, 20000) AS n RETURNING 1"""
    await world.rows("validation", sql)
    await world.rows("validation", "SELECT set_config('enable_seqscan', 'off', true)")
    plan = await world.rows(
        "validation",
        "EXPLAIN SELECT * FROM domain WHERE renew_at <= now() ORDER BY renew_at LIMIT 200 FOR UPDATE SKIP LOCKED",
    )

    assert "ix_domain_renew_at" in str(plan)
    assert await renew(world) == 200
    assert await renew(world) == 101  # nothing proves them any more
    assert await renew(world) == 0


# ── shown ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_its_page_says_when_it_is_renewed_next_and_that_it_is_tried_again(office: World, zone: DnsServer) -> None:
    await publish(zone)
    async with key_of(office) as http:
        one = await add(http, NAME, "dns-persist")
    await look(office, zone)
    planned = (await the(office, "domain")).renew_at
    async with signed_in(office) as http:
        page = words(await http.get(f"/domains/{one['id']}"))
        assert "Renewed by itself next on" in page
        assert f"{planned:%Y-%m-%d}" in page

        zone.scripts.clear()
        await days(office, zone, 7)
        page = words(await http.get(f"/domains/{one['id']}"))
        assert "It is being renewed by itself" in page
        assert "Looked at again by itself: Persistent DNS TXT record" in page

        await days(office, zone, 3)
        page = words(await http.get(f"/domains/{one['id']}"))
        assert "it is not renewed by itself any more" in page
        assert "next on" not in page
