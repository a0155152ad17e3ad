"""Whatever the list of invoices is asked for, PostgreSQL looks at little more than it shows, and counts right."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import and_, event, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.models import Invoice
from services.billing.queries import invoices
from services.billing.queries.documents import may_see
from services.billing.queries.filters import FILTERS, KINDS, STATUSES, conditions, found_by
from shared.access import Caller
from shared.listing import Listing
from tests.billing.months import order, terms
from tests.billing.plans import fill
from tests.billing.test_from_funds import IN_NOV, market, requested
from tests.billing.test_statement_plans import nodes
from tests.conftest import World

__all__ = ["market"]  # a fixture
ANN = Caller("key", "user", 9001, "Acme", 7, "Ann", "ann@acme.example", "administrator")
OPS = Caller("ops", "user", 0, "", 8, "Olga", "ops@ca.example", "operator")
# 20,000 invoices of two accounts in a year: one in ten is a payment request, of those nine in ten are paid.
FILL = [
    """INSERT INTO account SELECT (jsonb_populate_record(a, jsonb_build_object('id', 9009))).*
       FROM account AS a WHERE id = 9001""",
    """INSERT INTO division (id, account_id, name, announced) VALUES (99, 9009, 'Other', true), (98, 9001, 'Labs', true)
       ON CONFLICT DO NOTHING""",
    """INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object(
         'id', 100000 + n, 'seq', 100000 + n, 'number', 'X-2026-' || lpad(n::text, 6, '0'), 'purchase_order_id', NULL,
         'order_id', CASE i.kind WHEN 'order' THEN 100000 + n END, 'account_id', 9001 + 8 * (n % 2),
         'division_id', CASE n % 4 WHEN 0 THEN 14 WHEN 2 THEN 98 ELSE 99 END,
         'purchase_order_number', CASE WHEN n % 10 = 0 THEN 'PO-' || n END, 'total', i.total,
         'legacy_source', CASE WHEN n % 50 = 0 THEN 'oldbill' END,
         'legacy_number', CASE WHEN n % 50 = 0 THEN 'O-' || n END,
         'issued_at', timestamptz '2026-01-01 00:00+00' + n * interval '20 minutes',
         'issued_on', date '2026-01-01' + n / 72, 'due_on', date '2026-01-01' + n / 72 + 30))).*
       FROM generate_series(1, 20000) AS n JOIN invoice AS i ON i.id < 100000
         AND i.kind = CASE n % 10 WHEN 0 THEN 'purchase_order' ELSE 'order' END""",
    """INSERT INTO receivable SELECT (jsonb_populate_record(r, jsonb_build_object(
         'invoice_id', i.id, 'number', i.number, 'account_id', i.account_id, 'division_id', i.division_id,
         'due_on', i.due_on, 'paid', CASE i.id % 100 WHEN 0 THEN 0 ELSE r.total END,
         'settled_on', CASE i.id % 100 WHEN 0 THEN NULL ELSE i.due_on END))).*
       FROM receivable AS r, invoice AS i WHERE i.id > 100000 AND i.kind = 'purchase_order'""",
    "ANALYZE",
]
ASKED: list[Mapping[str, tuple[str, ...]]] = [
    {},
    {"account_id": ("9001",)},
    {"container_id": ("98",)},
    {"container_id": ("14", "98")},
    *[{"status": (status,)} for status in STATUSES],
    {"status": ("open", "paid")},
    {"status": ("open", "overdue", "credited")},
    {"status": ("open",), "container_id": ("98",)},
    *[{"kind": (kind,)} for kind in KINDS],
    {"kind": ("order", "purchase_order"), "container_id": ("14",)},
    {"kind": ("purchase_order",), "status": ("open",)},
    {"search": ("x-2026-00777",)},
    {"search": ("PO-7770",)},
    {"search": ("o-7750",)},
    {"search": ("107778",)},
    {"search": ("it's 100% \\ _",)},
    {"invoice_number": ("X-2026-007770",)},
    {"invoice_number": ("x-2026-00777%",)},
    {"po_number": ("po-7770",)},
    {"po_number": ("PO-777%",)},
    {"legacy_number": ("O-7750",)},
    {"legacy_number": ("o-775%",)},
    {"order_id": ("107778",)},
    {"date_issued": ("2026-03-01...2026-03-02",)},
    {"date_due": ("2026-05-01",)},
]


@pytest.fixture
async def many(market: World) -> World:
    await requested(market)
    await terms(market, IN_NOV, unlimited=True)
    await order(market, IN_NOV)
    await fill(market, FILL)
    return market


async def test_each_list_is_found_by_an_index_and_counted_as_if_row_by_row(many: World) -> None:
    assert {name for filters in ASKED for name in filters} == set(FILTERS)
    for caller in (ANN, OPS):
        for filters in ASKED:
            listing = Listing(20, filters=filters)
            total, rows, plans = await _asked(many, caller, listing)
            assert total == await _counted(many, caller, listing), filters
            assert len(rows) == min(total, 20), filters
            if caller is ANN or filters.keys() & {"search", "invoice_number", "po_number", "order_id"}:
                scanned = [n for plan in plans for n in nodes(plan) if _scans(n)]
                assert not scanned, (filters, scanned)


def _scans(node: Any) -> bool:
    return node["Node Type"] == "Seq Scan" and node["Relation Name"] in ("invoice", "receivable")


async def test_a_search_that_fits_much_is_counted_so_far_and_no_further(many: World) -> None:
    async with many.billing.db.transaction() as tx:
        total, rows = await invoices.invoices(tx, ANN, Listing(20, filters={"search": ("X-",)}), most=1_000)

    assert (total, len(rows)) == (1_000, 20)
    assert [row.Invoice.id for row in rows] == sorted((row.Invoice.id for row in rows), reverse=True)


async def test_pages_show_each_row_once(many: World) -> None:
    for filters in ({"search": ("X-2026-0001",)}, {"date_issued": ("2026-02-01...2026-02-02",)}, {"status": ("open",)}):
        seen: list[int] = []
        async with many.billing.db.transaction() as tx:
            total, _ = await invoices.invoices(tx, ANN, Listing(1, filters=filters))
            for offset in range(0, total, 7):
                _, rows = await invoices.invoices(tx, ANN, Listing(7, offset, filters))
                seen += [row.Invoice.id for row in rows]
        assert len(seen) == len(set(seen)) == total


async def _asked(world: World, caller: Caller, listing: Listing) -> tuple[int, Any, list[Any]]:
    bind = world.billing.db.bind
    assert isinstance(bind, AsyncConnection)
    heard: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        heard.append((statement, given))

    event.listen(bind.sync_connection, "before_cursor_execute", listen)
    async with world.billing.db.transaction() as tx:
        await tx.execute(text("SET LOCAL random_page_cost = 1.1"))
        total, rows = await invoices.invoices(tx, caller, listing)
        event.remove(bind.sync_connection, "before_cursor_execute", listen)
        plans = [
            (await (await tx.connection()).exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", given)).scalar_one()
            for sql, given in heard
            if sql.lstrip().startswith("SELECT")
        ]
    return total, rows, [found[0]["Plan"] for found in plans]


async def _counted(world: World, caller: Caller, listing: Listing) -> int:
    where = and_(may_see(caller, Invoice), *conditions(listing), or_(*found_by(listing)))
    async with world.billing.db.transaction() as tx:
        return await tx.scalar(select(func.count()).select_from(Invoice).where(where)) or 0
