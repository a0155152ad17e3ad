"""Credit notes among very many are found by an index, and cancellations of a month's orders by few statements."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

from services.billing.models import Invoice
from services.billing.queries.credit_notes import FILTERS, ROWS, _conditions, _order_of
from services.billing.queries.filters import STATUSES
from shared.listing import Listing
from tests.billing.months import ON_ACCOUNT, close, eur, order, terms
from tests.billing.plans import fill
from tests.billing.test_credit_notes import AFTER_NOV, IN_NOV, NOV
from tests.conftest import World
from tests.makers import a_cancellation, an_opened_account
from tests.test_guards import counting

MANY = 10_000
OTHERS = "'order_id', 1000000 + n, 'account_id', 20000 + n % 500, 'division_id', 20000 + n % 500"
FILL = [
    f"""INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object('id', 1000000 + n, 'seq', 1000 + n,
          'number', 'X-' || n, {OTHERS}))).*
        FROM invoice AS i, generate_series(1, {MANY}) AS n WHERE i.id < 1000000""",
    f"""INSERT INTO credit_note SELECT (jsonb_populate_record(c, jsonb_build_object('id', 1000000 + n, 'seq', 1000 + n,
          'number', 'N-' || n, 'invoice_id', 1000000 + n, 'invoice_number', 'X-' || n,
          'issued_at', timestamptz '2026-01-01 00:00+00' + n * interval '1 minute', {OTHERS}))).*
        FROM credit_note AS c, generate_series(1, {MANY}) AS n WHERE c.id < 1000000""",
    """INSERT INTO account SELECT (jsonb_populate_record(a, jsonb_build_object('id', n))).*
       FROM account AS a, generate_series(20000, 20499) AS n WHERE a.id = 9001""",
]  # fmt: skip
CASES = [
    ({}, "pk_credit_note"),
    ({"account_id": "20007"}, "ix_credit_note_account_id_id"),
    ({"container_id": "20007"}, "ix_credit_note_division_id_id"),
    ({"invoice_id": "1000007"}, "ix_credit_note_invoice_id"),
    ({"order_id": "1000007"}, "ix_credit_note_order"),
    ({"credit_note_number": "N-77"}, "_credit_note_number"),
    ({"credit_note_number": "N-777%"}, "uq_credit_note_number"),
    ({"invoice_number": "X-77"}, "ix_credit_note_invoice_id"),
    ({"search": "N-777"}, "uq_credit_note_number"),
    ({"date_issued": "2026-01-03T00:00:00+00:00"}, "ix_credit_note_issued_at"),
]


@pytest.fixture
async def many(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, IN_NOV, unlimited=True)
    await shop.deliver("billing", a_cancellation(await order(shop, IN_NOV)))
    await fill(shop, FILL)
    return shop


async def plan(world: World, query: Any) -> str:
    sql = str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
    async with world.billing.db.transaction() as tx:
        rows = await (await tx.connection()).exec_driver_sql(f"EXPLAIN {sql.replace('%%', '%')}")
        return "\n".join(row[0] for row in rows)


async def test_each_filter_of_the_list_has_its_index(many: World) -> None:
    for filters, index in CASES:
        listing = Listing(50, filters={name: (value,) for name, value in filters.items()})
        steps = await plan(many, ROWS.where(*_conditions(listing)).order_by(*_order_of(listing)).limit(50))
        assert index in steps, (filters, steps)
        assert "Seq Scan on credit_note" not in steps, (filters, steps)
    assert {name for filters, _ in CASES for name in filters} == set(FILTERS)

    steps = await plan(many, select(Invoice.id).where(STATUSES["credited"]).order_by(Invoice.id.desc()).limit(50))
    assert "uq_credit_note_exhausting" in steps, steps
    assert "Seq Scan on credit_note" not in steps, steps


async def test_cancelling_many_orders_of_a_month_takes_as_many_statements_as_cancelling_few(
    shop: World, engines: dict[str, AsyncEngine]
) -> None:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, IN_NOV, negative_limit=eur(10**8), monthly_billing=True)
    placed = [await order(shop, IN_NOV, payment=ON_ACCOUNT) for _ in range(60)]
    await close(shop, NOV, AFTER_NOV)

    with counting(engines["billing"]) as few:
        await shop.deliver("billing", *map(a_cancellation, placed[:10]))
    with counting(engines["billing"]) as more:
        await shop.deliver("billing", *map(a_cancellation, placed[10:]))

    assert len(await shop.said("billing", "credit_note_issued")) == 60
    assert len(more) <= len(few) + 4, "\n".join(sorted(set(more), key=more.count))
