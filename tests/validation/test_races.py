"""Two workers, two doors: on connections of their own, really at the same time."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.validation.actions import checks, mailing, orders
from services.validation.actions.asking import claim_by_hand
from services.validation.actions.confirming import Confirmer, Over, confirm
from services.validation.actions.letters import Desk, claim_letters
from services.validation.actions.reminding import remind_of_expiry
from services.validation.actions.submitting import Asking, renew_token, submit_domain
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.queries import lock_for_placed, make_domains
from services.validation.rules.tokens import fingerprint
from services.validation.worker import Looker
from shared.db import Database, utcnow
from shared.events.orders import OrderPlaced
from tests.validation.dns_server import DnsServer, txt
from tests.validation.makers import ACCOUNT, a_test_policy, an_order

POLICY = a_test_policy()
TABLES = """domain, attempt, order_need, random_value, past_token, validation, evidence, evidence_perspective, account,
            division, outbox, mailing, dcv_mail"""


@pytest_asyncio.fixture
async def db(engines: dict[str, AsyncEngine]) -> AsyncIterator[Database]:
    database = Database(engines["validation"])
    yield database
    async with database.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))  # evidence is append-only
        await tx.execute(text(f"TRUNCATE {TABLES}"))


async def place(db: Database, placed: OrderPlaced, both_inside: asyncio.Barrier | None = None) -> None:
    async with db.transaction() as tx:
        if both_inside:
            await tx.execute(text("SELECT 1"))
            await both_inside.wait()
        await lock_for_placed(tx, [placed], POLICY)
        await orders.prove_names(tx, POLICY, placed, utcnow())


async def count(db: Database, what: str) -> int:
    async with db.transaction() as tx:
        return int((await tx.execute(text(f"SELECT count(*) FROM {what}"))).scalar_one())


async def test_two_orders_for_a_new_name_at_once_share_one_attempt_and_one_value(db: Database) -> None:
    for n in range(10):
        barrier = asyncio.Barrier(2)
        name = f"race{n}.example"

        await asyncio.gather(*(place(db, an_order(name, order_id=2 * n + k), barrier) for k in (1, 2)))

    assert await count(db, "domain WHERE needs = 2") == 10
    assert await count(db, "attempt WHERE closed_at IS NULL") == 10
    values = "(SELECT DISTINCT convert_from(payload, 'UTF8')::jsonb ->> 'record_value' FROM outbox) v"
    assert await count(db, values) == 10


async def test_two_workers_share_what_is_due_and_never_claim_the_same(db: Database) -> None:
    for n in range(1, 21):
        await place(db, an_order(f"n{n}.example", order_id=n))
    barrier = asyncio.Barrier(2)

    async def claim() -> list[str]:
        async with db.transaction() as tx:
            claims = await checks.claim_due(tx, utcnow(), 10)
            await barrier.wait()
        return [claim.name for claim in claims]

    first, second = await asyncio.gather(claim(), claim())

    assert len(first) == len(second) == 10
    assert not set(first) & set(second)


async def test_an_index_keeps_a_second_open_attempt_out(db: Database) -> None:
    await place(db, an_order())
    copy = (
        "INSERT INTO attempt SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).* "
        "FROM attempt a ON CONFLICT DO NOTHING"
    )

    async with db.transaction() as tx:
        await tx.execute(text(copy))

    assert await count(db, "attempt") == 1


async def submit(db: Database, method: str | None, both_inside: asyncio.Barrier, name: str) -> str:
    async with db.transaction() as tx:
        await tx.execute(text("SELECT 1"))
        await both_inside.wait()
        asking = Asking(POLICY, "ann@acme.example", utcnow())
        submission = await submit_domain(tx, asking, (ACCOUNT, name), method)
        return str(submission.token.value)


async def test_two_submissions_at_once_get_one_attempt_and_the_same_token_lc3_lc12(db: Database) -> None:
    for n in range(10):
        name, barrier = f"race{n}.example", asyncio.Barrier(2)
        async with db.transaction() as tx:
            await make_domains(tx, [(ACCOUNT, name)])

        first, second = await asyncio.gather(*(submit(db, "dns-txt-token", barrier, name) for _ in range(2)))

        assert first == second
    assert await count(db, "attempt WHERE closed_at IS NULL") == 10
    assert await count(db, "outbox") == 10


async def test_a_submission_against_a_change_of_method_leaves_one_method_and_its_token_alone(db: Database) -> None:
    for n in range(10):
        name, barrier = f"race{n}.example", asyncio.Barrier(2)
        await place(db, an_order(name, order_id=n + 1))

        await asyncio.gather(submit(db, None, barrier, name), submit(db, "dns-cname-token", barrier, name))

    assert await count(db, "attempt WHERE closed_at IS NULL AND method = 'dns-cname-token'") == 10
    assert await count(db, "past_token WHERE method = 'dns-txt-token'") == 10
    assert await count(db, "attempt a JOIN past_token p ON p.token_id = a.token_id") == 0


async def test_what_was_seen_for_a_token_that_died_meanwhile_proves_nothing_lc14(db: Database, zone: DnsServer) -> None:
    await place(db, an_order("acme.example"))
    looker = Looker(db, Observer(DnsClient([Resolver(*zone.address)], 0.2)), POLICY, 10)
    async with db.transaction() as tx:
        [claim] = await checks.claim_due(tx, utcnow(), 10)
    zone.scripts["_dnsauth.acme.example"] = txt("_dnsauth.acme.example", claim.tokens[0].value)
    seen = await looker.look(claim)

    async with db.transaction() as tx:
        await renew_token(tx, Asking(POLICY, "ann@acme.example", utcnow()), (ACCOUNT, "acme.example"))
    await looker.record([seen])

    assert await count(db, "validation") == 0
    assert await count(db, "attempt WHERE closed_at IS NULL AND checks = 0 AND leased_until IS NULL") == 1
    async with db.transaction() as tx:
        [row] = await tx.execute(text("SELECT superseded, token_sha256 FROM evidence"))
    assert row.superseded is True
    assert row.token_sha256 == fingerprint(claim.tokens[0].value)


async def test_a_check_by_hand_and_a_worker_never_look_at_one_attempt_together(db: Database) -> None:
    for n in range(10):
        name, barrier = f"race{n}.example", asyncio.Barrier(2)
        await place(db, an_order(name, order_id=n + 1))

        async def by_worker(barrier: asyncio.Barrier = barrier) -> int:
            async with db.transaction() as tx:
                await tx.execute(text("SELECT 1"))
                await barrier.wait()
                return len(await checks.claim_due(tx, utcnow(), 10))

        async def by_hand(barrier: asyncio.Barrier = barrier, name: str = name) -> int:
            async with db.transaction() as tx:
                await tx.execute(text("SELECT 1"))
                await barrier.wait()
                asking = Asking(POLICY, "ann@acme.example", utcnow())
                return 1 if await claim_by_hand(tx, asking, (ACCOUNT, name)) else 0

        assert sum(await asyncio.gather(by_worker(), by_hand())) == 1


async def test_two_steps_that_remind_share_what_is_due_and_say_each_thing_once(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(text(MANY_ENDING))
    barrier = asyncio.Barrier(2)

    async def step() -> int:
        async with db.transaction() as tx:
            await tx.execute(text("SELECT 1"))
            await barrier.wait()
            return await remind_of_expiry(tx, POLICY, utcnow())

    assert sum(await asyncio.gather(step(), step())) == 300
    assert await count(db, "outbox") == 300
    async with db.transaction() as tx:
        assert await remind_of_expiry(tx, POLICY, utcnow()) == 0


MANY_ENDING = """
WITH v AS (INSERT INTO validation (account_id, adn, method, evidence_id, observed_at, test_mode, exact)
  SELECT 9001, 'n' || n || '.example', '3.2.2.4.7', gen_random_uuid(), timestamptz '2025-01-01', false, false
  FROM generate_series(1, 300) AS n RETURNING adn)
INSERT INTO domain (account_id, name, needs, created_at, current_adn, current_method, remind_at)
SELECT 9001, adn, 0, now(), adn, '3.2.2.4.7', now() - interval '1 minute' FROM v
"""


async def mailed(db: Database, name: str) -> list[str]:
    """The values of two mails about a name."""
    async with db.transaction() as tx:
        await make_domains(tx, [(ACCOUNT, name)])
        attempt = (await submit_domain(tx, Asking(POLICY, "ann", utcnow()), (ACCOUNT, name), "email")).attempt
        task = mailing.Task(attempt.token_id, attempt.id, (ACCOUNT, name), name)
    async with db.transaction() as tx:
        await mailing.write_mails(tx, [mailing.Contacts(task, utcnow(), {}, None)], utcnow())
    async with db.transaction() as tx:
        rows = await tx.execute(
            text("SELECT value FROM dcv_mail WHERE name = :name ORDER BY id LIMIT 2"), {"name": name}
        )
        return [row.value for row in rows]


async def test_two_people_confirming_at_once_and_one_twice_each_confirm_once_em6(db: Database) -> None:
    for n in range(10):
        one, other = await mailed(db, f"race{n}.example")
        barrier = asyncio.Barrier(4)

        async def press(value: str, agent: str, barrier: asyncio.Barrier = barrier) -> str:
            async with db.transaction() as tx:
                await tx.execute(text("SELECT 1"))
                await barrier.wait()
                mail = await confirm(tx, POLICY, value, Confirmer("192.0.2.1", agent), utcnow())
                return mail.confirmed_agent or ""

        told = await asyncio.gather(press(one, "a"), press(one, "b"), press(other, "c"), press(other, "d"))

        assert told[0] == told[1]
        assert told[2] == told[3]
    assert await count(db, "dcv_mail WHERE confirmed_at IS NOT NULL") == 20


async def test_a_confirmation_against_another_method_is_either_first_or_refused(db: Database) -> None:
    refused = 0
    for n in range(10):
        (value, _), barrier = await mailed(db, f"race{n}.example"), asyncio.Barrier(2)

        async def press(value: str = value, barrier: asyncio.Barrier = barrier) -> None:
            async with db.transaction() as tx:
                await tx.execute(text("SELECT 1"))
                await barrier.wait()
                await confirm(tx, POLICY, value, Confirmer("", ""), utcnow())

        outcome = await asyncio.gather(
            press(), submit(db, "dns-txt-token", barrier, f"race{n}.example"), return_exceptions=True
        )
        refused += isinstance(outcome[0], Over)
        assert not isinstance(outcome[1], BaseException)

    confirmed = await count(db, "dcv_mail WHERE confirmed_at IS NOT NULL")
    assert confirmed + refused == 10
    assert await count(db, "attempt WHERE closed_at IS NULL AND method = 'dns-txt-token'") == 10
    assert await count(db, "dcv_mail WHERE value IS NOT NULL") == 0


async def test_two_workers_never_send_the_same_mail_at_once(db: Database) -> None:
    for n in range(4):
        await mailed(db, f"n{n}.example")
    barrier, desk = asyncio.Barrier(2), Desk("http://issuary.test", "ca.example")

    async def claim() -> set[str]:
        async with db.transaction() as tx:
            claimed = await claim_letters(tx, desk, utcnow(), 10)
            await barrier.wait()
        return {str(letter.id) for letter in claimed}

    first, second = await asyncio.gather(claim(), claim())

    assert len(first) == len(second) == 10
    assert not first & second
