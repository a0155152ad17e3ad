"""What is read of one division among many is found by an index, and by few rows of it."""

import json
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.billing.statements import ask, open_accounts
from tests.conftest import World

FILL = [
    """INSERT INTO account SELECT (jsonb_populate_record(a, jsonb_build_object('id', n, 'top_division_id', n))).*
       FROM account AS a, generate_series(20001, 20024) AS n WHERE a.id = 9001""",
    "INSERT INTO division (id, account_id, name, announced) SELECT id, id, 'D', true FROM account WHERE id > 20000",
    """INSERT INTO funds SELECT (jsonb_populate_record(f, jsonb_build_object('division_id', n, 'account_id', n))).*
       FROM funds AS f, generate_series(20001, 20024) AS n WHERE f.division_id = 14""",
    """INSERT INTO charge (source, order_id, account_id, division_id, currency, net, tax, total, entity_id, category,
                           rate, invoice_id, invoice_number, charged_at)
       SELECT 'made', d.division_id * 10000 + n, d.account_id, d.division_id, 'EUR', 1, 0, 1, 1, 'S', 19,
              d.division_id * 10000 + n, 'I', timestamptz '2026-01-01 00:00+00' + n * interval '2 hours'
       FROM funds AS d, generate_series(1, 2000) AS n""",
    """INSERT INTO journal (id, account_id, at, kind, text, order_source, order_id, subject_id)
       SELECT md5(c.order_id::text)::uuid, c.account_id, c.charged_at, 'charge', 'Order', c.source, c.order_id, c.id
       FROM charge AS c WHERE c.source = 'made'""",
    """INSERT INTO posting (journal_id, line, ledger, amount, currency, division_id, seq, balance_after)
       SELECT md5(c.order_id::text)::uuid, 1, 'funds:' || c.division_id, 0, 'EUR', c.division_id, c.order_id % 10000, 0
       FROM charge AS c WHERE c.source = 'made'""",
    "UPDATE funds SET seq = 2000",
    "ANALYZE",
]  # fmt: skip
BIG = ("posting", "journal", "charge", "payment", "credit_note")


@pytest.fixture
async def many(shop: World) -> World:
    """26 divisions with 2,000 rows each."""
    await open_accounts(shop)
    async with shop.billing.db.transaction() as tx:
        connection = await tx.connection()
        await connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")  # as on a solid-state disk
        for sql in FILL:
            await connection.exec_driver_sql(sql)
    return shop


async def asked(world: World, path: str, **parameters: Any) -> list[tuple[str, Any]]:
    """The statements that a request runs on the book."""
    bind = world.billing.db.bind
    assert isinstance(bind, AsyncConnection)
    heard: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        heard.append((statement, given))

    event.listen(bind.sync_connection, "before_cursor_execute", listen)
    try:
        answer = await ask(world, path, container_id=14, **parameters)
    finally:
        event.remove(bind.sync_connection, "before_cursor_execute", listen)
    assert answer.status_code == 200, answer.text
    return [(sql, given) for sql, given in heard if (sql.lstrip().startswith(("SELECT", "WITH")) and "posting" in sql)
            or "FROM charge" in sql]  # fmt: skip


async def plans(world: World, path: str, **parameters: Any) -> list[Any]:
    found = []
    for sql, given in await asked(world, path, **parameters):
        async with world.billing.db.transaction() as tx:
            connection = await tx.connection()
            rows = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", given)
            plan = rows.scalar_one()
            found.append((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])
    return found


def nodes(plan: Any) -> list[Any]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


CASES = [
    ("/statement", {"from": "2026-03-01", "to": "2026-03-31"}, 400),
    ("/statement", {"from": "2026-03-01", "to": "2026-03-31", "limit": 50, "offset": 300}, 400),
    ("/balance-history", {"limit": 100}, 100),
    ("/balance-history", {"limit": 100, "offset": 1800}, 100),
    ("/balance-history", {"filters[transaction_date]": "2026-03-01...2026-03-03", "limit": 100}, 100),
    ("/balance-history", {"filters[adjust_type]": "charge", "limit": 100}, 2000),
    ("/purchase-history", {"limit": 100}, 2000),
    ("/purchase-history", {"filters[transaction_date]": "2026-03-01...2026-03-03", "limit": 100}, 100),
    ("/adjustment/4711", {}, 1),
]


@pytest.mark.parametrize(("path", "parameters", "most"), CASES)
async def test_no_row_of_another_division_is_looked_at(
    many: World, path: str, parameters: dict[str, Any], most: int
) -> None:
    if path.startswith("/adjustment"):
        [row] = await many.rows("billing", "SELECT id FROM posting WHERE division_id = 14 AND seq = 1000")
        path = f"/adjustment/{row.id}"

    found = await plans(many, path, **parameters)

    assert found
    for node in [node for plan in found for node in nodes(plan)]:
        if node.get("Relation Name") in BIG:
            assert node["Node Type"] != "Seq Scan" or node["Actual Loops"] == 0 or is_empty(node), str(node)
            assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= most, node


def is_empty(node: Any) -> bool:
    return bool(node["Actual Rows"] == 0 and node.get("Rows Removed by Filter", 0) == 0)


async def test_the_days_of_a_long_history_are_found_by_a_few_rows(many: World) -> None:
    [search] = [plan for plan in await plans(many, "/statement", **{"from": "2026-03-01", "to": "2026-03-31"})
                if any(node["Node Type"] == "Recursive Union" for node in nodes(plan))]  # fmt: skip

    looked_at = [node for node in nodes(search) if node.get("Relation Name") == "posting"]
    assert looked_at
    assert all(node["Actual Loops"] <= 2 * 12 for node in looked_at)


async def test_what_is_read_does_not_grow_with_the_history(many: World) -> None:
    async with many.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE funds SET seq = 2000 WHERE division_id = 14"))

    near = await asked(many, "/balance-history", limit=10)
    far = await asked(many, "/balance-history", limit=10, offset=1990)

    assert len(near) == len(far) == 1
    assert "OFFSET" not in near[0][0]
