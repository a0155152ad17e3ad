"""However much is unpaid, a page of it is found by an index."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from services.billing.models import Account, Funds
from services.billing.queries import divisions, paying
from shared.access import Caller
from tests.billing.months import terms
from tests.billing.plans import fill
from tests.billing.test_from_funds import IN_NOV, market, requested
from tests.billing.test_statement_plans import nodes
from tests.conftest import World

__all__ = ["market"]  # a fixture
ANN = Caller("key", "user", 9001, "Acme", 7, "Ann", "ann@acme.example", "administrator")
FILL = [
    """INSERT INTO division (id, account_id, name, announced)
       SELECT 100 + n, 9001, 'Branch ' || n, true FROM generate_series(1, 200) AS n""",
    """INSERT INTO funds SELECT (jsonb_populate_record(f, jsonb_build_object('division_id', n, 'balance', 0))).*
       FROM funds AS f, generate_series(101, 300) AS n WHERE f.division_id = 14""",
    """INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object(
         'id', 100000 + n, 'seq', 100000 + n, 'number', 'PR-' || n, 'purchase_order_id', NULL,
         'division_id', 101 + n % 200))).* FROM invoice AS i, generate_series(1, 20000) AS n""",
    """INSERT INTO receivable SELECT (jsonb_populate_record(r, jsonb_build_object('invoice_id', i.id,
         'number', i.number, 'division_id', i.division_id, 'due_on', r.due_on + (i.id % 90)::int))).*
       FROM receivable AS r, invoice AS i WHERE i.id > 100000""",
]


@pytest.fixture
async def many(market: World) -> World:
    """200 divisions with 100 unpaid invoices each."""
    await requested(market)
    await terms(market, IN_NOV, separate_funds=True)
    await fill(market, FILL)
    return market


async def one_division(tx: AsyncSession) -> None:
    of = await paying.payable(tx, ANN, 150, None)
    assert of
    rows = await paying.unpaid(tx, of)
    assert len(rows) == 100
    assert len(await paying.unpaid(tx, of, paying.place_of(rows[-2]))) == 1


async def the_divisions(tx: AsyncSession) -> None:
    account, top = await tx.get_one(Account, 9001), await tx.get_one(Funds, 14)
    first = await divisions.summary(tx, ANN, account, top, 20)
    assert len(await divisions.summary(tx, ANN, account, top, 20, first[-1].division.id)) == 20


async def a_link(tx: AsyncSession) -> None:
    of = await paying.payable(tx, ANN, None, None, [100_777])
    assert of
    assert of.division
    assert of.division.id == 101 + 777 % 200


async def test_only_what_is_shown_is_looked_at(many: World) -> None:
    for read, most in ((one_division, 101), (the_divisions, 2_100), (a_link, 101)):
        await looks_at_most(many, read, most)


async def looks_at_most(many: World, read: Callable[[AsyncSession], Awaitable[None]], most: int) -> None:
    found = await plans(many, read)

    assert any(node.get("Relation Name") == "receivable" for plan in found for node in nodes(plan))
    for node in [node for plan in found for node in nodes(plan)]:
        if node.get("Relation Name") == "receivable":
            assert node["Node Type"] != "Seq Scan", str(node)
            assert node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0) <= most, str(node)


async def plans(world: World, read: Callable[[AsyncSession], Awaitable[None]]) -> list[Any]:
    bind = world.billing.db.bind
    assert isinstance(bind, AsyncConnection)
    heard: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        heard.append((statement, given))

    async with world.billing.db.transaction() as tx:
        event.listen(bind.sync_connection, "before_cursor_execute", listen)
        await read(tx)
        event.remove(bind.sync_connection, "before_cursor_execute", listen)
        connection, found = await tx.connection(), []
        for sql, given in heard:
            if "receivable" in sql:
                rows = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", given)
                plan = rows.scalar_one()
                found.append((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])
    return found
