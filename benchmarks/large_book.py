"""A book of many rows, made from a small real one: every row is a copy of one that billing wrote, with the columns that
must differ. It is in order: `verify` passes over it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from benchmarks.ground import ACCOUNTS, accounts, division, plain
from services.billing import actions
from services.billing.app import build
from services.billing.models.base import COUNTS
from services.billing.queries import prefetch
from services.billing.settings import Settings
from services.billing.worker import print_due_documents
from shared.events.base import Money
from shared.events.orders import OrderPlaced, Term

FIRST = 20_001
REQUESTS = 10  # one in so many invoices is a purchase order's; of those half are paid
PAID = "k % 2 = 0"
YEAR_AGO = datetime.now(UTC) - timedelta(days=364)

# Everything that moved funds, in its order: the charge of an order, or a deposit of as much.
MOVES = """
CREATE UNLOGGED TABLE move AS
SELECT n, account, is_charge, amount, at, n AS id,
       row_number() OVER (PARTITION BY account ORDER BY n) AS seq,
       sum(amount) OVER (PARTITION BY account ORDER BY n) AS balance_after,
       CASE WHEN is_charge THEN row_number() OVER (PARTITION BY is_charge ORDER BY n) END AS charge
FROM (SELECT n, CASE WHEN n % 5 < 2 THEN {first} ELSE {first} + n % {accounts} END AS account,
             n % {every} = 0 AS is_charge, CASE WHEN n % {every} = 0 THEN -{price} ELSE {price} END AS amount,
             timestamptz '{year_ago}' + n * (interval '363 days' / {moves}) AS at
      FROM generate_series(1, {moves}::bigint) AS n) AS m
"""


@dataclass(frozen=True)
class Size:
    invoices: int
    postings: int

    @property
    def orders(self) -> int:
        return self.invoices - self.requests

    @property
    def requests(self) -> int:
        return self.invoices // REQUESTS

    @property
    def moves(self) -> int:
        """A charge has three postings, a deposit two."""
        return self.orders + max(self.orders, (self.postings - 3 * self.orders) // 2)


async def fill(url: str, size: Size) -> None:
    await _write_examples(url)
    connection = await asyncpg.connect(plain(url))
    try:
        await connection.execute("SET synchronous_commit = off; SET session_replication_role = replica")
        await connection.execute("SET work_mem = '512MB'; SET maintenance_work_mem = '1GB'; SET statement_timeout = 0")
        await _Copier(connection, size).fill()
        await connection.execute("VACUUM ANALYZE")  # as autovacuum does, sooner or later
    finally:
        await connection.close()


async def _write_examples(url: str) -> None:
    """One order paid from a deposit, and one purchase order, as billing itself writes them."""
    service, now, account = (
        build(Settings.from_environment({"ISSUARY_DATABASE_URL": url})),
        datetime.now(UTC),
        accounts()[0],
    )
    placed = OrderPlaced(
        occurred_at=now, account_id=account.id, account=account, division=division(account), order_id=1,
        product_name_id="ssl_dv_geotrust", term=Term(years=1), names=("www.customer.example",), placed_by="x",
        placed_at=now,
    )  # fmt: skip
    whole = Money(amount=10_000, currency="EUR")
    async with service.db.transaction() as tx:
        await actions.deposit_funds(tx, account.id, account.id, whole, "wire_transfer", "example", "bank", now)
    async with service.db.transaction() as tx:
        await prefetch.for_placed(tx, [placed])
        await actions.take_order(tx, placed, now)
    async with service.db.transaction() as tx:
        await actions.set_terms(tx, account.id, actions.Terms(purchase_orders_allowed=True), "ops", now)
        wish = actions.PurchaseOrderWish(account.id, "PO-0", whole)
        order = await actions.submit_purchase_order(tx, account.id, wish, "ann", now)
        await actions.approve_purchase_order(tx, order.id, "ops", now, 30)
    while await print_due_documents(service.db, _blank):
        pass
    await service.stop()


async def _blank(_: object) -> bytes:
    return b"%PDF"


class _Copier:
    def __init__(self, connection: Any, size: Size) -> None:
        self.connection, self.size = connection, size

    async def fill(self) -> None:
        orders, moves = self.size.orders, self.size.moves
        price = await self.connection.fetchval("SELECT total FROM charge")
        every = max(2, moves // orders)
        await self.connection.execute(
            MOVES.format(
                year_ago=YEAR_AGO, first=FIRST, accounts=ACCOUNTS, every=every, price=price, moves=orders * every
            )
        )
        await self._empty_examples()
        await self._orders()
        await self._deposits()
        await self._requests()
        await self._finish()

    async def _empty_examples(self) -> None:
        """The examples become templates, out of the book's way."""
        for table in COPIED:
            await self.connection.execute(f"CREATE TABLE model_{table} AS SELECT * FROM {table}")
        await self.connection.execute(f"TRUNCATE {', '.join(COPIED)} CASCADE")

    async def copy(self, table: str, which: str, source: str, given: Mapping[str, str]) -> None:
        """A row of `table` for each of `source`, like the one model row that `which` names."""
        rows = await self.connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND is_identity = 'NO'", table
        )
        names = [row[0] for row in rows]
        assert set(given) <= set(names), set(given) - set(names)
        values = ", ".join(given.get(name, f"t.{name}") for name in names)
        await self.connection.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "
            f"FROM (SELECT * FROM model_{table} WHERE {which} LIMIT 1) AS t, {source}"
        )

    async def _orders(self) -> None:
        source, whose = "move AS m WHERE m.is_charge", {"account_id": "m.account", "division_id": "m.account"}
        order = {"order_id": "m.charge"}
        number = "'INV-2026-' || lpad(m.charge::text, 7, '0')"
        await self.copy("placed_order", "true", source, whose | {"id": "m.charge", "placed_at": "m.at"})
        await self.copy("charge", "true", source, whose | order | {
            "id": "m.charge", "invoice_id": "m.charge", "invoice_number": number, "charged_at": "m.at"})  # fmt: skip
        await self.copy("invoice", "kind = 'order'", source, whose | order | {
            "id": "m.charge", "seq": "m.charge", "number": number, "issued_at": "m.at", "issued_on": "m.at::date",
            "due_on": "m.at::date", "receipt_id": "m.charge", "year": "2026",
            "purchase_order_number": "'P-' || m.charge % 1000"})  # fmt: skip
        invoice = {"invoice_id": "m.charge"}
        await self.copy("invoice_line", "rate > 0", source, invoice | order)
        await self.copy("tax_group", "rate > 0", source, invoice)
        await self.copy("document", "kind = 'invoice'", source, {
            "id": uuid("m.charge", 3), "subject_id": "m.charge", "account_id": "m.account"})  # fmt: skip
        await self._journal("charge", source, order | {"subject_id": "m.charge"})
        for ledger in ("funds:%", "revenue:%", "vat:%"):
            await self._posting(ledger, source, "charge")

    async def _deposits(self) -> None:
        source, whose = "move AS m WHERE NOT m.is_charge", {"account_id": "m.account", "division_id": "m.account"}
        await self.copy("payment", "true", source, whose | {
            "id": "m.id", "amount": "m.amount", "received": "m.amount", "bank_reference": "'B-' || m.id",
            "created_at": "m.at", "settled_at": "m.at", "receipt_id": "1000000000 + m.id"})  # fmt: skip
        await self._journal("deposit", source, {"subject_id": "m.id"})
        await self._posting("funds:%", source, "deposit")
        await self._posting("clearing:%", source, "deposit")

    async def _journal(self, kind: str, source: str, given: dict[str, str]) -> None:
        common = {"id": uuid("m.id", 1), "account_id": "m.account", "at": "m.at"}
        await self.copy("journal", f"kind = '{kind}'", source, common | given)

    async def _posting(self, ledger: str, source: str, kind: str) -> None:
        given: dict[str, str] = {"journal_id": uuid("m.id", 1)}
        if ledger.startswith("funds"):
            given |= {"ledger": "'funds:' || m.account", "division_id": "m.account", "seq": "m.seq",
                      "balance_after": "m.balance_after", "amount": "m.amount"}  # fmt: skip
        elif ledger.startswith("clearing"):
            given |= {"amount": "-m.amount"}
        which = f"ledger LIKE '{ledger}' AND journal_id IN (SELECT id FROM model_journal WHERE kind = '{kind}')"
        await self.copy("posting", which, source, given)

    async def _requests(self) -> None:
        """Spread over the accounts and the year; every second one was paid in an older system."""
        account = f"(CASE WHEN k % 5 < 2 THEN {FIRST} ELSE {FIRST} + k % {ACCOUNTS} END)"
        source = f"generate_series(1, {self.size.requests}) AS k"
        at = f"(timestamptz '{YEAR_AGO}' + k * (interval '363 days' / {self.size.requests}))"
        whose, invoice = {"account_id": account, "division_id": account}, f"{self.size.orders} + k"
        number = "'PR-2026-' || lpad(k::text, 7, '0')"
        await self.copy("purchase_order", "true", source, whose | {
            "id": "k", "number": "'PO-' || k", "submitted_at": at, "approved_at": at})  # fmt: skip
        await self.copy("invoice", "kind = 'purchase_order'", source, whose | {
            "id": invoice, "seq": "k", "number": number, "purchase_order_id": "k",
            "purchase_order_number": "'PO-' || k", "issued_at": at, "issued_on": f"{at}::date",
            "due_on": f"{at}::date + 30", "year": "2026", "due_at_issue": f"CASE WHEN {PAID} THEN 0 ELSE t.total END",
            "legacy_source": f"CASE WHEN {PAID} THEN 'oldbill' END",
            "legacy_number": f"CASE WHEN {PAID} THEN 'O-' || k END",
            "legacy_issued_on": f"CASE WHEN {PAID} THEN {at}::date END"})  # fmt: skip
        await self.copy("invoice_line", "rate = 0", source, {"invoice_id": invoice})
        await self.copy("tax_group", "rate = 0", source, {"invoice_id": invoice})
        await self.copy("receivable", "true", source, whose | {
            "invoice_id": invoice, "number": number, "issued_on": f"{at}::date", "due_on": f"{at}::date + 30",
            "settled_on": f"CASE WHEN {PAID} THEN {at}::date END", "overdue_at": at,
            "paid": f"CASE WHEN {PAID} THEN t.total ELSE 0 END",
            "paid_before": f"CASE WHEN {PAID} THEN t.total ELSE 0 END"})  # fmt: skip
        await self.copy("document", "kind = 'invoice'", source, {
            "id": uuid("k", 4), "subject_id": invoice, "account_id": account})  # fmt: skip

    async def _finish(self) -> None:
        run = self.connection.execute
        await run("""UPDATE funds SET balance = m.balance_after, seq = m.seq, used_credit = 0
            FROM (SELECT DISTINCT ON (account) * FROM move ORDER BY account, seq DESC) AS m
            WHERE m.account = division_id""")
        await run("UPDATE account SET purchase_orders_allowed = true")
        for statement in recounts():
            await run(statement)
        await run("""UPDATE number_counter AS c SET year = 2026, last = (SELECT count(*) FROM invoice AS i
            WHERE i.series = c.series)""")
        drawn = {"invoice": self.size.invoices, "charge": 2_000_000_000, "payment": 2 * self.size.moves,
                 "purchase_order": self.size.requests}  # fmt: skip
        for sequence, last in drawn.items():
            await run(f"SELECT setval('{sequence}_id_seq', {last + 1})")
        for table in ("move", *(f"model_{table}" for table in COPIED)):
            await run(f"DROP TABLE {table}")


def recounts() -> Iterator[str]:
    """Rows that were written without triggers are counted afterwards."""
    for table, counts, by, where in COUNTS:
        yield f"TRUNCATE {counts}"
        yield f"INSERT INTO {counts} ({by}, n) SELECT {by}, count(*) FROM {table} WHERE {where} GROUP BY {by}"


def uuid(number: str, kind: int) -> str:
    """Rising with the number, apart for each kind of thing."""
    return f"('0000000{kind}-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


COPIED = ("placed_order", "charge", "invoice", "invoice_line", "tax_group", "document", "journal", "posting", "payment",
          "purchase_order", "receivable")  # fmt: skip
