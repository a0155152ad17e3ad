"""The floor: a bare aiokafka loop and hand-written multi-row SQL on asyncpg. Same pricing, same rows, same
guarantees as far as a benchmark needs them (inbox first, offset after commit), nothing else."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url

from benchmarks.progress import Progress
from benchmarks.rows import Row, Sale, facts_of, outbox_row, rows_of
from services.billing import models
from services.billing.rules import Catalogue, Missing, PriceRow, RateRow, SellerRow, TaxRow, Wanted, make_quote
from shared.db import array_type, utcnow
from shared.events.orders import TOPIC, OrderPlaced

CHUNK = 200
INBOX = """
INSERT INTO inbox (event_id, topic) SELECT event_id, $2 FROM unnest($1::uuid[]) AS e (event_id)
ON CONFLICT DO NOTHING RETURNING event_id
"""
CUSTOMERS = """
SELECT a.*, f.division_id, f.balance, f.accrued + f.invoiced AS unpaid, f.negative_limit, f.unlimited, f.seq
FROM account a JOIN funds f ON f.division_id = a.top_division_id
WHERE a.id = ANY ($1::bigint[]) ORDER BY f.division_id FOR UPDATE OF f
"""
KNOWN = """
SELECT o.source, o.id FROM placed_order o
JOIN unnest($1::text[], $2::bigint[]) AS k (source, id) ON o.source = k.source AND o.id = k.id
"""
SPEND = """
UPDATE funds f SET balance = s.balance, seq = s.seq, used_credit = greatest(0, accrued + invoiced - s.balance)
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS s (division_id, balance, seq)
WHERE f.division_id = s.division_id
"""
NUMBERS = """
INSERT INTO number_counter AS c (entity_id, series, year, last) VALUES ($1, 'invoice', $2, $3)
ON CONFLICT (entity_id, series, year) DO UPDATE SET last = c.last + $3 RETURNING last
"""
IDS = "SELECT nextval('invoice_id_seq'), nextval('charge_id_seq') FROM generate_series(1, $1)"
OUTBOX = """
INSERT INTO outbox (event_id, topic, key, headers, payload)
SELECT event_id, topic, key, headers, payload
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[])
     WITH ORDINALITY AS e (event_id, topic, key, headers, payload, n) ORDER BY n
"""
TABLES = (models.Order, models.Charge, models.Invoice, models.Line, models.TaxGroup, models.Journal, models.Posting,
          models.Document)  # fmt: skip


async def consume(url: str, kafka: str, group: str, progress: Progress) -> None:
    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(False))
    catalogue = await read_catalogue(connection)
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=kafka, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest",
        fetch_max_wait_ms=20, session_timeout_ms=6000, heartbeat_interval_ms=1000,
    )  # fmt: skip
    await consumer.start()
    while not progress.finished.is_set():
        for place, records in (await consumer.getmany(timeout_ms=20, max_records=CHUNK)).items():
            progress.begin()
            async with connection.transaction():
                await charge_orders(connection, catalogue, [record.value for record in records])
            await consumer.commit({TopicPartition(place.topic, place.partition): records[-1].offset + 1})
            progress.count(len(records))
    await consumer.stop()
    await connection.close()


async def charge_orders(connection: Any, catalogue: Catalogue, values: Sequence[bytes]) -> None:
    events = [OrderPlaced.model_validate_json(value) for value in values]
    fresh = {row["event_id"] for row in await connection.fetch(INBOX, [event.id for event in events], TOPIC)}
    customers = {row["id"]: row for row in await connection.fetch(CUSTOMERS, [e.account_id for e in events])}
    keys = [event.source for event in events], [event.order_id for event in events]
    known = {tuple(row) for row in await connection.fetch(KNOWN, *keys)}
    sales = list(
        _sales(catalogue, customers, [e for e in events if e.id in fresh and (e.source, e.order_id) not in known])
    )
    await _draw(connection, sales)
    rows = [row for sale in sales for row in rows_of(sale)]
    for model in TABLES:
        await _insert(connection, model, rows)
    spent = {sale.funds_division: sale for sale in sales}
    await connection.execute(
        SPEND, list(spent), [sale.balance_after for sale in spent.values()], [sale.funds_seq for sale in spent.values()]
    )
    said = [outbox_row(fact, str(sale.event.id)) for sale in sales for fact in facts_of(sale)]
    columns = [[row[name] for row in said] for name in ("event_id", "topic", "key", "headers", "payload")]
    columns[3] = [json.dumps(headers) for headers in columns[3]]
    await connection.execute(OUTBOX, *columns)


def _sales(catalogue: Catalogue, customers: dict[int, Any], events: Iterable[OrderPlaced]) -> Iterable[Sale]:
    now = utcnow()
    money = {key: (row["balance"], row["seq"]) for key, row in customers.items()}
    buyers = {key: _buyer(row) for key, row in customers.items()}
    for event in events:
        row = customers[event.account_id]
        quote = make_quote(catalogue, _wanted(row, buyers[event.account_id], event), now.date())
        balance, seq = money[event.account_id]
        if isinstance(quote, Missing) or quote.total > balance + row["negative_limit"] - row["unpaid"]:
            raise AssertionError("the benchmark's orders can all be paid")
        money[event.account_id] = balance - quote.total, seq + 1
        yield Sale(
            event, buyers[event.account_id], row["division_id"], quote, seq + 1, balance - quote.total, 0, 0, 0, now
        )


def _buyer(row: Any) -> dict[str, Any]:
    return {
        "name": row["name"], "legal_name": row["legal_name"], "address": json.loads(row["address"]),
        "vat_number": row["vat_number"], "buyer_reference": row["buyer_reference"],
        "emails": json.loads(row["billing_emails"]),
    }  # fmt: skip


def _wanted(row: Any, buyer: dict[str, Any], event: OrderPlaced) -> Wanted:
    return Wanted(
        account_id=event.account_id, product_name_id=event.product_name_id, years=event.term.years,
        days=event.term.days, names=event.names, currency=row["currency"],
        buyer_country=buyer["address"]["country"], buyer_complete=True, vat_number=row["vat_number"],
    )  # fmt: skip


async def _draw(connection: Any, sales: Sequence[Sale]) -> None:
    """All sales of the benchmark have one seller and one year."""
    if not sales:
        return
    ids = await connection.fetch(IDS, len(sales))
    entity, year = sales[0].quote.seller.number, sales[0].now.year
    last = await connection.fetchval(NUMBERS, entity, year, len(sales))
    for n, (sale, row) in enumerate(zip(sales, ids, strict=True), 1):
        sale.invoice_id, sale.receipt_id, sale.seq = row[0], row[1], last - len(sales) + n


async def _insert(connection: Any, model: Any, rows: Sequence[Row]) -> None:
    mine = [values for kind, values in rows if kind is model]
    if not mine:
        return
    table, names = model.__table__, list(mine[0])
    types = [table.c[name].type for name in names]
    arrays = ", ".join(f"${n}::{array_type(kind)}" for n, kind in enumerate(types, 1))
    columns = ", ".join(f'"{name}"' for name in names)
    await connection.execute(
        f"INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({arrays})",
        *(_column(kind, [values[name] for values in mine]) for name, kind in zip(names, types, strict=True)),
    )


def _column(kind: Any, values: list[Any]) -> list[Any]:
    if not isinstance(kind, JSONB):
        return values
    dumped = {id(value): json.dumps(value, ensure_ascii=False) for value in values}
    return [dumped[id(value)] for value in values]


async def read_catalogue(connection: Any) -> Catalogue:
    sellers = [
        SellerRow(
            row["number"], row["valid_from"], row["country"], row["currency"], tuple(json.loads(row["sells_to"])),
            row["invoice_prefix"], row["credit_note_prefix"], row["request_prefix"], json.loads(row["printed"]),
        )
        for row in await connection.fetch("SELECT * FROM selling_entity")
    ]  # fmt: skip
    prices = [_plain(PriceRow, row) for row in await connection.fetch("SELECT * FROM price")]
    taxes = [_plain(TaxRow, row) for row in await connection.fetch("SELECT * FROM tax_rule")]
    rates = [_plain(RateRow, row) for row in await connection.fetch("SELECT * FROM exchange_rate")]
    return Catalogue(sellers, prices, taxes, rates)


def _plain(kind: Any, row: Any) -> Any:
    return kind(**{name: row[name] for name in kind.__dataclass_fields__})
