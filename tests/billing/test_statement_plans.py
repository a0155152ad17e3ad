"""What is read of one division among many is found by an index, and by few rows of it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.billing.rules import AGES
from shared.service import Service
from tests.billing.conftest import stock
from tests.billing.plans import fill
from tests.billing.statements import ask, open_accounts
from tests.conftest import World, undone

FILL = [
    """INSERT INTO account SELECT (jsonb_populate_record(a, jsonb_build_object('id', n, 'top_division_id', n))).*
       FROM account AS a, generate_series(20001, 20024) AS n WHERE a.id = 9001""",
    "INSERT INTO division (id, account_id, name, announced) SELECT id, id, 'D', true FROM account WHERE id > 20000",
    """INSERT INTO funds SELECT (jsonb_populate_record(f, jsonb_build_object('division_id', n, 'account_id', n))).*
       FROM funds AS f, generate_series(20001, 20024) AS n WHERE f.division_id = 14""",
    """INSERT INTO charge (source, order_id, request_id, account_id, division_id, currency, net, tax, total,
                           entity_id, category, rate, invoice_id, invoice_number, charged_at, priced_on)
       SELECT 'made', d.division_id * 10000 + n, 0, d.account_id, d.division_id, 'EUR', 1, 0, 1, 1, 'S', 19,
              d.division_id * 10000 + n, 'I', timestamptz '2026-01-01 00:00+00' + n * interval '2 hours', '2026-01-01'
       FROM funds AS d, generate_series(1, 2000) AS n""",
    """INSERT INTO journal (id, account_id, at, kind, text, order_source, order_id, subject_id)
       SELECT md5(c.order_id::text)::uuid, c.account_id, c.charged_at, 'charge', 'Order', c.source, c.order_id, c.id
       FROM charge AS c WHERE c.source = 'made'""",
    """INSERT INTO posting (journal_id, line, ledger, amount, currency, division_id, seq, balance_after, type)
       SELECT md5(c.order_id::text)::uuid, 1, 'funds:' || c.division_id, 0, 'EUR', c.division_id, c.order_id % 10000, 0,
              'Charge'
       FROM charge AS c WHERE c.source = 'made'""",
    """INSERT INTO usage (id, source, order_id, request_id, account_id, division_id, division_name, funds_division_id,
                          entity_id, currency, net, tax, total, category, rate, quote, recorded_at)
       SELECT id + 1000000, 'used', order_id, 0, account_id, division_id, 'D', division_id, 1, currency, net, tax,
              total, 'S', 19, '{"lines": [["Order", [], 1, 1]]}', charged_at FROM charge WHERE source = 'made'""",
    "UPDATE funds SET seq = 2000, owed_seq = 2000, invoiced_seq = 2000",
    # 1,000 usage invoices, each paid some 22 hours later, and 1,000 payment requests paid after two days.
    """INSERT INTO on_account (division_id, seq, at, kind, owner_id, accrued, invoiced, accrued_after, invoiced_after,
                               invoiced_seq, currency, text, invoice_id, journal_id)
       SELECT division_id, n, timestamptz '2026-01-01 00:00+00' + n * interval '2 hours',
              CASE n % 2 WHEN 1 THEN 'invoice' ELSE 'payment' END, division_id, 0, CASE n % 2 WHEN 1 THEN 1 ELSE -1 END,
              0, 1, n, 'EUR', 'I', division_id * 10000 + CASE n % 2 WHEN 1 THEN n ELSE n - 11 END,
              md5((division_id * 10000 + n)::text)::uuid
       FROM funds, generate_series(1, 2000) AS n""",
    """INSERT INTO invoice (id, request_id, entity_id, series, year, seq, number, kind, account_id,
                            division_id, division_name, currency, net, tax, total, due_at_issue, issued_at, issued_on,
                            due_on, seller, buyer, payment_text, notes)
       SELECT i, 0, 1, 'made', 2026, i, 'I' || i, CASE n % 2 WHEN 1 THEN 'usage' ELSE 'purchase_order' END,
              d.account_id, d.division_id, 'D', 'EUR', 1, 0, 1, 1, at, at::date, at::date, '{}', '{}', '', '[]'
       FROM funds AS d, generate_series(1, 2000) AS n, LATERAL (SELECT d.division_id * 10000 + n AS i,
              timestamptz '2026-01-01 00:00+00' + n * interval '2 hours' AS at) AS made""",
    """INSERT INTO receivable (invoice_id, number, kind, entity_id, account_id, division_id, currency,
                               funds_division_id, issued_on, due_on, settled_on, total, paid_before, paid, credited,
                               returned)
       SELECT id, number, kind, 1, account_id, division_id, currency, CASE kind WHEN 'usage' THEN division_id END,
              issued_on, due_on,
              (issued_at + CASE kind WHEN 'usage' THEN interval '22 h' ELSE interval '48 h' END)::date,
              1, 0, 1, 0, 0 FROM invoice WHERE series = 'made'""",
    """INSERT INTO allocation (id, payment_id, invoice_id, amount, at)
       SELECT md5(id::text)::uuid, NULL, id, 1, issued_at + interval '48 h' FROM invoice WHERE series = 'made'""",
]  # fmt: skip
BIG = (
    "posting",
    "journal",
    "charge",
    "payment",
    "credit_note",
    "on_account",
    "receivable",
    "invoice",
    "allocation",
    "usage",
)
READ = ("posting", "FROM charge", "on_account", "receivable")


@pytest.fixture(scope="module")
async def many(built: dict[str, Service], engines: dict[str, AsyncEngine]) -> AsyncIterator[World]:
    """26 divisions with 2,000 rows each, for all tests here: they only read."""
    async with undone(built, engines) as world:
        await stock(world.billing.db)
        await open_accounts(world)
        await fill(world, FILL)
        yield world


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
    return [(sql, given) for sql, given in heard if any(table in sql for table in READ)]


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


CASES: list[tuple[str, dict[str, Any], int]] = [
    ("/statement", {"from": "2026-03-01", "to": "2026-03-31"}, 450),
    ("/statement", {"from": "2026-03-01", "to": "2026-03-31", "limit": 50, "offset": 300}, 450),
    ("/balance-history", {"limit": 100}, 100),
    ("/balance-history", {"limit": 100, "offset": 1800}, 100),
    ("/balance-history", {"filters[transaction_date]": "2026-03-01...2026-03-03", "limit": 100}, 100),
    ("/balance-history", {"filters[adjust_type]": "charge", "limit": 100}, 2000),
    ("/purchase-history", {"limit": 100}, 2000),
    ("/purchase-history", {"filters[transaction_date]": "2026-03-01...2026-03-03", "limit": 100}, 100),
    ("/adjustment/4711", {}, 1),
]


async def test_no_row_of_another_division_is_looked_at(many: World) -> None:
    for path, parameters, most in CASES:
        await looks_at_most(many, path, parameters, most)


async def looks_at_most(many: World, path: str, parameters: dict[str, Any], most: int) -> None:
    if path.startswith("/adjustment"):
        [row] = await many.rows("billing", "SELECT id FROM posting WHERE division_id = 14 AND seq = 1000")
        path = f"/adjustment/{row.id}"

    found = await plans(many, path, **parameters)

    assert found, (path, parameters)
    for node in [node for plan in found for node in nodes(plan)]:
        if node.get("Relation Name") in BIG:
            assert node["Node Type"] != "Seq Scan" or node["Actual Loops"] == 0 or is_empty(node), str(node)
            assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= most, node


def is_empty(node: Any) -> bool:
    return bool(node["Actual Rows"] == 0 and node.get("Rows Removed by Filter", 0) == 0)


async def test_the_days_of_a_long_history_are_found_by_a_few_rows(many: World) -> None:
    searches = [plan for plan in await plans(many, "/statement", **{"from": "2026-03-01", "to": "2026-03-31"})
                if any(node["Node Type"] == "Recursive Union" for node in nodes(plan))]  # fmt: skip

    for search, history in zip(searches, ("posting", "on_account"), strict=True):
        looked_at = [node for node in nodes(search) if node.get("Relation Name") == history]
        assert looked_at
        assert all(node["Actual Loops"] <= 2 * 12 for node in looked_at)


async def test_how_long_something_has_been_due_is_told_by_what_was_open_then(many: World) -> None:
    march: dict[str, Any] = {"from": "2026-03-01", "to": "2026-03-31"}
    found = (await ask(many, "/statement", container_id=14, **march)).json()
    assert sum(float(found["invoices_on_account"]["aging"][age.name]) for age in AGES) == 0.06

    [aging] = [plan for plan in await plans(many, "/statement", **march)
               if any(node.get("Index Name") == "ix_on_account_invoice_id" for node in nodes(plan))]  # fmt: skip
    assert any(node.get("Index Name") == "ix_receivable_days_open" for node in nodes(aging))
    [summed] = [node for node in nodes(aging) if node.get("Relation Name") == "on_account"]
    assert summed["Actual Loops"] <= 40


async def test_what_is_read_does_not_grow_with_the_history(many: World) -> None:
    near = await asked(many, "/balance-history", limit=10)
    far = await asked(many, "/balance-history", limit=10, offset=1990)

    assert len(near) == len(far) == 1
    assert "OFFSET" not in near[0][0]
