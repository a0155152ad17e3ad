"""Claim, look, record: on PostgreSQL and a real DNS server."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import dns.rcode
import pytest
from sqlalchemy import event as sqlalchemy_events
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.validation.actions import checks
from services.validation.actions.evidence import Look
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.rules.adn import Adn
from services.validation.rules.answers import DnsAnswer, Status
from services.validation.rules.dns_change import Place
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import DNS_TXT
from services.validation.rules.tokens import fingerprint
from services.validation.worker import Looker, ResolverWatch
from shared.db import utcnow
from tests.conftest import World
from tests.validation.conftest import a_looker, let_pass, look, make_due
from tests.validation.dns_server import SILENCE, DnsServer, Script, txt
from tests.validation.makers import ACCOUNT, VALUE, a_cancellation, a_policy, a_test_policy, an_order

RECORD = "_dnsauth.www.acme.example"


async def rows(world: World, table: str) -> list[Any]:
    return await world.rows("validation", f"SELECT * FROM {table}")


async def own_value(world: World) -> str:
    submitted = await world.said("validation", "domain_submitted")
    value: str = submitted[-1]["record_value"]
    return value


async def test_a_published_value_validates_the_domain(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order("*.www.acme.example"))
    value = await own_value(world)
    zone.scripts[RECORD] = txt(RECORD, "else", value, authentic=True)
    before = utcnow()

    await look(world, zone)

    (event,) = await world.said("validation", "domain_validated")
    (evidence,) = await rows(world, "evidence")
    (attempt,) = await rows(world, "attempt")
    (domain,) = await rows(world, "domain")
    (current,) = await rows(world, "validation")
    assert (event["account_id"], event["name"], event["test_mode"]) == (ACCOUNT, "www.acme.example", True)
    assert event["authorization_domain"] == "www.acme.example"
    assert event["evidence_id"] == str(evidence.id) == str(current.evidence_id)
    assert before <= evidence.observed_at <= evidence.finished_at <= utcnow()
    assert datetime.fromisoformat(event["observed_at"]) == evidence.observed_at
    assert datetime.fromisoformat(event["usable_until"]) > utcnow() + timedelta(days=90)
    assert (attempt.ended, attempt.token, attempt.checks) == ("passed", None, 1)
    assert domain.pending_id is None
    assert (evidence.outcome, evidence.place, evidence.adn, evidence.method) == (
        "PASS", RECORD, "www.acme.example", "3.2.2.4.7",
    )  # fmt: skip
    assert (evidence.token_sha256, evidence.requested) == (fingerprint(value), ["*.www.acme.example"])
    assert (evidence.test_mode, evidence.superseded, evidence.perspective) == (True, False, "primary")
    assert "psl 20" in evidence.suffixes_version
    query = evidence.queries[0]
    assert (query["name"], query["type"], query["rcode"], query["ad"]) == (RECORD, "TXT", "NOERROR", True)
    assert (query["record_count"], query["tries"], query["transport"]) == (2, 1, "udp")
    assert query["resolver"] == f"127.0.0.1:{zone.address[1]}"
    assert value not in str(attempt)


async def test_proof_at_a_parent_proves_the_parent_and_says_how(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    zone.scripts["acme.example"] = txt("acme.example", "v=spf1 -all", await own_value(world))

    await look(world, zone)

    (event,) = await world.said("validation", "domain_validated")
    (evidence,) = await rows(world, "evidence")
    assert (event["name"], event["authorization_domain"]) == ("www.acme.example", "acme.example")
    assert (evidence.adn, evidence.derivation) == ("acme.example", ["prune to acme.example"])


async def test_proof_of_a_domain_serves_the_open_attempts_below_it_at_once(world: World, zone: DnsServer) -> None:
    names = ("acme.example", "www.acme.example", "notacme.example")
    await world.deliver("validation", an_order(*names), an_order("api.acme.example", order_id=2, account_id=9002))
    await look(world, zone)
    value = (await world.said("validation", "domain_submitted"))[0]["record_value"]
    zone.scripts["_dnsauth.acme.example"] = txt("_dnsauth.acme.example", value)
    await world.rows("validation", "UPDATE attempt SET due_at = now() WHERE name = 'acme.example' RETURNING 1")

    await look(world, zone)

    first, second = await world.said("validation", "domain_validated")
    assert [first["name"], second["name"]] == ["acme.example", "www.acme.example"]
    assert first["evidence_id"] == second["evidence_id"]
    assert second["authorization_domain"] == "acme.example"
    ended = {(row.account_id, row.name): row.ended for row in await rows(world, "attempt")}
    assert [ended[ACCOUNT, name] for name in names] == ["passed", "passed", None]
    assert ended[9002, "api.acme.example"] is None


async def test_the_token_as_a_label_proves_nothing(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    value = await own_value(world)
    name = f"{value}.www.acme.example"
    zone.scripts[name] = txt(name, value)

    await look(world, zone)

    (failed,) = await world.said("validation", "domain_validation_failed")
    assert failed["outcome"] == "NOTFOUND"
    assert name not in zone.names_asked()


async def test_a_record_that_is_missing_is_said_once_and_every_look_leaves_evidence(
    world: World, zone: DnsServer
) -> None:
    await world.deliver("validation", an_order())
    for _ in range(3):
        await make_due(world)
        await look(world, zone)

    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["outcome"], failed["final"], failed["checks"]) == ("NOTFOUND", False, 1)
    assert failed["message"].startswith(f"There is no TXT record at {RECORD} yet: the name does not exist.")
    assert datetime.fromisoformat(failed["next_check_at"]) > datetime.fromisoformat(failed["occurred_at"])
    assert [row.outcome for row in await rows(world, "evidence")] == ["NOTFOUND"] * 3
    (attempt,) = await rows(world, "attempt")
    assert (attempt.checks, attempt.closed_at, attempt.leased_until) == (3, None, None)


async def test_another_finding_is_said_again(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    servfail, bogus = Script(rcode=dns.rcode.SERVFAIL), Script(rcode=dns.rcode.SERVFAIL, errors=((7, "expired"),))
    for script in (txt(RECORD, "x"), txt(RECORD, "x"), servfail, bogus):
        zone.scripts[RECORD] = script
        await make_due(world)
        await look(world, zone)

    failed = await world.said("validation", "domain_validation_failed")
    assert [event["outcome"] for event in failed] == ["MISMATCH", "DNSERR", "BOGUS"]
    assert not any(event["final"] for event in failed)


async def test_an_orders_random_value_is_proof_and_so_is_the_attempts_own(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order("a.example"), an_order("b.example", order_id=2))
    first, second = await world.said("validation", "domain_submitted")
    await world.deliver("validation", an_order("a.example", "b.example", order_id=3, dcv_random_value=VALUE))
    zone.scripts["_dnsauth.a.example"] = txt("_dnsauth.a.example", VALUE)
    zone.scripts["_dnsauth.b.example"] = txt("_dnsauth.b.example", second["record_value"])

    await look(world, zone)

    assert {event["name"] for event in await world.said("validation", "domain_validated")} == {"a.example", "b.example"}
    seen = {row.name: row.token_sha256 for row in await rows(world, "evidence")}
    assert seen == {"a.example": fingerprint(VALUE), "b.example": fingerprint(second["record_value"])}
    assert first["record_value"] != second["record_value"]


async def test_another_accounts_value_never_matches(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order(dcv_random_value=VALUE), an_order(order_id=2, account_id=9002))
    zone.scripts[RECORD] = txt(RECORD, VALUE)

    await look(world, zone)

    (validated,) = await world.said("validation", "domain_validated")
    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (validated["account_id"], failed["account_id"], failed["outcome"]) == (ACCOUNT, 9002, "MISMATCH")


async def test_the_first_names_record_may_come_through_a_cname(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order(dcv_random_value=VALUE))
    zone.scripts[RECORD] = Script((f"{RECORD}. 60 IN CNAME x.zone.net.", f'x.zone.net. 60 IN TXT "{VALUE}"'))

    await look(world, zone)

    (evidence,) = await rows(world, "evidence")
    assert (evidence.outcome, evidence.queries[0]["chain"]) == ("PASS", ["x.zone.net"])


async def test_a_token_of_thirty_days_ends_the_attempt_though_it_is_published(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    zone.scripts[RECORD] = txt(RECORD, await own_value(world))
    await let_pass(world, 30)

    await look(world, zone)

    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["outcome"], failed["final"], failed["next_check_at"]) == ("POLICY", True, None)
    assert "expired" in failed["message"]
    (attempt,) = await rows(world, "attempt")
    assert (attempt.ended, attempt.token) == ("expired", None)


async def test_the_end_of_polling_closes_nothing_and_the_end_of_the_token_is_said(
    world: World, zone: DnsServer
) -> None:
    await world.deliver("validation", an_order())
    await let_pass(world, 12)
    await look(world, zone)
    (attempt,) = await rows(world, "attempt")
    assert (attempt.closed_at, attempt.due_at) == (None, attempt.expires_at)

    await let_pass(world, 18)
    await look(world, zone)

    assert [e["final"] for e in await world.said("validation", "domain_validation_failed")] == [False, True]


async def test_a_live_random_value_keeps_an_attempt_open_whose_own_token_died(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    await let_pass(world, 29)
    await world.deliver("validation", an_order(order_id=2, dcv_random_value=VALUE))
    await let_pass(world, 2)
    zone.scripts[RECORD] = txt(RECORD, VALUE)

    await look(world, zone)

    assert [event["name"] for event in await world.said("validation", "domain_validated")] == ["www.acme.example"]


async def test_a_look_that_comes_back_after_the_attempt_was_closed_is_history(world: World, zone: DnsServer) -> None:
    placed = an_order(dcv_random_value=VALUE)
    await world.deliver("validation", placed)
    zone.scripts[RECORD] = txt(RECORD, VALUE, delay=0.1)
    looker = a_looker(world, zone)
    assert await looker.step()

    await world.deliver("validation", a_cancellation(placed))
    while await looker.step():
        pass

    assert await world.said("validation", "domain_validated") == []
    assert [row.superseded for row in await rows(world, "evidence")] == [True]
    assert await rows(world, "validation") == []


async def test_a_look_for_a_token_that_was_renewed_meanwhile_is_history(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    zone.scripts[RECORD] = txt(RECORD, await own_value(world), delay=0.1)
    looker = a_looker(world, zone)
    assert await looker.step()
    await let_pass(world, 31)

    await world.deliver("validation", an_order(order_id=2))
    while await looker.step():
        pass

    (evidence, *_) = await rows(world, "evidence")
    assert (evidence.superseded, await world.said("validation", "domain_validated")) == (True, [])
    (attempt,) = await rows(world, "attempt")
    assert (attempt.closed_at, attempt.leased_until) == (None, None)


async def test_a_value_brought_after_the_look_began_was_not_seen_by_it(world: World) -> None:
    await world.deliver("validation", an_order())
    db = world.validation.db
    async with db.transaction() as tx:
        (claim,) = await checks.claim_due(tx, utcnow(), 10)
    started_at = utcnow()
    await world.deliver("validation", an_order(order_id=2, dcv_random_value=VALUE))
    job = Job(DNS_TXT, claim.name, (Place(RECORD, Adn("www.acme.example")),))
    seen = Observation(DNS_TXT, "primary", started_at, utcnow(), (DnsAnswer(RECORD, Status.ANSWER, (VALUE,), count=1),))

    async with db.transaction() as tx:
        await checks.record_looks(tx, a_test_policy(), [Look(claim, job, seen)], utcnow())

    assert await world.said("validation", "domain_validated") == []


async def test_an_attempt_is_never_looked_at_twice_at_a_time(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    async with world.validation.db.transaction() as tx:
        assert len(await checks.claim_due(tx, utcnow(), 10)) == 1
    await world.deliver("validation", an_order(order_id=2))

    async with world.validation.db.transaction() as tx:
        assert await checks.claim_due(tx, utcnow(), 10) == []
        assert len(await checks.claim_due(tx, utcnow() + checks.LEASE, 10)) == 1


async def test_a_slow_name_server_delays_its_own_look_only(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order("slow.example"), an_order("fast.example", order_id=2))
    zone.scripts["_dnsauth.slow.example"] = SILENCE
    fast = (await world.said("validation", "domain_submitted"))[-1]
    zone.scripts["_dnsauth.fast.example"] = txt("_dnsauth.fast.example", fast["record_value"])
    looker = a_looker(world, zone)

    async with asyncio.timeout(0.4):
        while not await world.said("validation", "domain_validated"):
            assert await looker.step()

    while await looker.step():
        pass
    (failed,) = await world.said("validation", "domain_validation_failed")
    assert (failed["name"], failed["outcome"]) == ("slow.example", "DNSERR")


async def test_proof_found_again_replaces_the_current_one_by_the_newer(world: World, zone: DnsServer) -> None:
    zone.scripts[RECORD] = txt(RECORD, VALUE)
    await world.deliver("validation", an_order(dcv_random_value=VALUE))
    await look(world, zone)
    await world.rows("validation", "UPDATE validation SET observed_at = now() - interval '250 days' RETURNING 1")
    await world.deliver("validation", an_order(order_id=2, dcv_random_value=VALUE))
    await look(world, zone)

    (current,) = await rows(world, "validation")
    first, second = await world.said("validation", "domain_validated")
    assert first["evidence_id"] != second["evidence_id"] == str(current.evidence_id)
    assert len(await rows(world, "evidence")) == 2


@pytest.mark.parametrize(
    "statement", ["UPDATE evidence SET outcome = 'PASS'", "DELETE FROM evidence", "TRUNCATE evidence"]
)
async def test_evidence_is_never_changed(world: World, zone: DnsServer, statement: str) -> None:
    await world.deliver("validation", an_order())
    await look(world, zone)

    with pytest.raises(DBAPIError, match="append-only"):
        await world.rows("validation", f"{statement} RETURNING 1" if "TRUNCATE" not in statement else statement)


async def test_remote_text_with_nul_bytes_is_kept_clean(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    zone.scripts[RECORD] = Script((f'{RECORD}. 60 IN TXT "a\\000b\\027c"',))

    await look(world, zone)

    (evidence,) = await rows(world, "evidence")
    assert evidence.queries[0]["records"] == ["abc"]
    assert '"abc"' in evidence.message


async def test_in_production_the_first_look_comes_soon_and_evidence_is_no_test(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order("www.example.com"))
    zone.scripts["_dnsauth.www.example.com"] = txt("_dnsauth.www.example.com", await own_value(world))

    await look(world, zone, a_policy())

    (event,) = await world.said("validation", "domain_validated")
    (evidence,) = await rows(world, "evidence")
    assert (event["test_mode"], evidence.test_mode) == (False, False)
    assert evidence.observed_at <= datetime.now(UTC)


async def test_nothing_is_looked_at_before_the_resolver_is_known_to_validate(world: World, zone: DnsServer) -> None:
    await world.deliver("validation", an_order())
    client = DnsClient([Resolver(*zone.address)], 0.2)
    watch = ResolverWatch(client, "signed.example", "broken.example")
    looker = Looker(world.validation.db, Observer(client), a_test_policy(), 10, watch)
    zone.scripts["signed.example"] = [txt("signed.example", "x"), txt("signed.example", "x", authentic=True)]
    zone.scripts["broken.example"] = Script(rcode=dns.rcode.SERVFAIL, errors=((6, ""),))

    await watch.step()
    assert not await looker.step()
    assert "does not validate" in (watch.fault or "")

    await ResolverWatch.step(watch)
    assert set(zone.names_asked()) == {"signed.example", "broken.example"}
    watch._due = 0.0
    await watch.step()
    assert watch.fault is None
    assert await looker.step()
    while await looker.step():
        pass


async def test_a_batch_of_looks_is_recorded_in_few_statements(world: World, zone: DnsServer) -> None:
    names = [f"n{n}.acme.example" for n in range(50)]
    await world.deliver("validation", *[an_order(name, order_id=n) for n, name in enumerate(names, 1)])
    for event in (await world.said("validation", "domain_submitted"))[::2]:
        zone.scripts[event["record_name"]] = txt(event["record_name"], event["record_value"])
    looker = a_looker(world, zone)
    looks = []
    async with world.validation.db.transaction() as tx:
        claims = await checks.claim_due(tx, utcnow(), 50)
    looks = [await looker.look(claim) for claim in claims]
    statements: list[str] = []
    connection = cast(AsyncConnection, world.validation.db.bind).sync_connection
    sqlalchemy_events.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))

    async with world.validation.db.transaction() as tx:
        await checks.record_looks(tx, a_test_policy(), looks, utcnow())

    recorded = len(statements)
    assert len(await world.said("validation", "domain_validated")) == 25
    assert recorded < 20
