"""Two workers, two doors: on connections of their own, really at the same time."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.validation.actions import checks, orders
from services.validation.queries import lock_for_placed
from shared.db import Database, utcnow
from shared.events.orders import OrderPlaced
from tests.validation.makers import a_test_policy, an_order

POLICY = a_test_policy()


@pytest_asyncio.fixture
async def db(engines: dict[str, AsyncEngine]) -> AsyncIterator[Database]:
    database = Database(engines["validation"])
    yield database
    async with database.transaction() as tx:
        await tx.execute(text("TRUNCATE domain, attempt, order_need, random_value, outbox"))


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
