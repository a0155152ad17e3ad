"""The parts of a statement as tables: a sheet each in a spreadsheet, one below the other in CSV."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from services.billing.clients.sheets import Cell, Column, Sheet
from services.billing.queries import statement as statements
from services.billing.queries.history import Entry
from services.billing.queries.invoices_on_account import Due
from services.billing.queries.payment_requests import PaymentRequest
from services.billing.queries.statement import Statement
from shared.access import Caller
from shared.db import Database

Row = Mapping[Column, Cell]
Rows = AsyncIterator[Sequence[Row]]

PART, DATE, TYPE = Column("Part", width=20), Column("Date (UTC)", "time", 19), Column("Type", width=22)
WHAT, ORDER, INVOICE = Column("What", width=52), Column("Order", width=12), Column("Invoice", width=18)
DOCUMENT, PO_NUMBER, RECEIPT = Column("Document", width=18), Column("PO number", width=18), Column("Receipt", width=10)
DEBIT, CREDIT = Column("Debit", "amount"), Column("Credit", "amount")
BALANCE, DUE, DUE_ON = Column("Balance", "amount"), Column("Due", "amount"), Column("Due on", "day", 12)
AMOUNT, PAID, CREDITED = Column("Amount", "amount"), Column("Paid", "amount"), Column("Credited", "amount")
CURRENCY, ADJUSTMENT = Column("Currency", width=9), Column("Adjustment", width=12)

FUNDS = (DATE, TYPE, WHAT, ORDER, DOCUMENT, RECEIPT, DEBIT, CREDIT, BALANCE, CURRENCY, ADJUSTMENT)
ON_ACCOUNT = (DATE, TYPE, WHAT, INVOICE, DOCUMENT, DUE_ON, DEBIT, CREDIT, DUE, CURRENCY)
REQUESTS = (DATE, TYPE, DOCUMENT, PO_NUMBER, DUE_ON, AMOUNT, PAID, CREDITED, DUE, CURRENCY)
ALL = (PART, DATE, TYPE, WHAT, ORDER, INVOICE, DOCUMENT, PO_NUMBER, RECEIPT, DUE_ON, DEBIT, CREDIT, BALANCE, DUE,
       AMOUNT, PAID, CREDITED, CURRENCY, ADJUSTMENT)  # fmt: skip


@dataclass(frozen=True)
class Part:
    title: str
    columns: Sequence[Column]
    rows: Rows


def parts_of(db: Database, caller: Caller, of: Statement) -> list[Part]:
    return [
        Part("Funds", FUNDS, _funds(db, caller, of)),
        Part("Invoices on account", ON_ACCOUNT, _on_account(db, caller, of)),
        Part("Payment requests", REQUESTS, _requests(db, caller, of)),
    ]


def sheet_of(part: Part) -> Sheet:
    return Sheet(part.title, part.columns, _cells(part, part.columns))


async def one_table(parts: Sequence[Part]) -> AsyncIterator[Sequence[Sequence[Cell]]]:
    for part in parts:
        async for rows in _cells(part, ALL):
            yield rows


async def _cells(part: Part, columns: Sequence[Column]) -> AsyncIterator[Sequence[Sequence[Cell]]]:
    async for rows in part.rows:
        yield [[part.title if column is PART else row.get(column) for column in columns] for row in rows]


async def _funds(db: Database, caller: Caller, of: Statement) -> Rows:
    yield [_figure(of, "Opening balance", BALANCE, of.opening)]
    async for entries in statements.pages(db, caller, of, statements.rows_of, of.count):
        yield [_entry(entry) for entry in entries]
    yield [_figure(of, "Closing balance" if of.is_over else "Balance now", BALANCE, of.closing)]


def _figure(of: Statement, name: str, column: Column, amount: int, what: str = "") -> Row:
    return {TYPE: name, WHAT: what or str(of.period), column: amount, CURRENCY: of.funds.currency}


def _entry(entry: Entry) -> Row:
    return {
        DATE: entry.at,
        TYPE: entry.type,
        WHAT: entry.text,
        ORDER: str(entry.order_id) if entry.order_id else None,
        DOCUMENT: entry.paper.number if entry.paper else None,
        RECEIPT: str(entry.receipt_id) if entry.receipt_id else None,
        DEBIT if entry.is_debit else CREDIT: abs(entry.amount),
        BALANCE: entry.balance_after,
        CURRENCY: entry.currency,
        ADJUSTMENT: str(entry.id),
    }


async def _on_account(db: Database, caller: Caller, of: Statement) -> Rows:
    opening, closing = of.invoices.opening, of.invoices.closing
    yield [_figure(of, "Opening due", DUE, opening.due), _figure(of, "Opening, not yet invoiced", DUE, opening.accrued)]
    async for dues in statements.pages(db, caller, of, statements.dues_of, of.invoices.count):
        yield [_due(due, of.funds.currency) for due in dues]
    async with db.transaction() as tx:
        aging = (await statements.owing(tx, of)).aging
    name = "Closing due" if of.is_over else "Due now"
    accrued = "Closing, not yet invoiced" if of.is_over else "Not yet invoiced now"
    yield [_figure(of, name, DUE, closing.due), _figure(of, accrued, DUE, closing.accrued)]
    yield [_figure(of, "Aging of what is due", DUE, amount, age.words) for age, amount in aging]


def _due(due: Due, currency: str) -> Row:
    return {
        DATE: due.at,
        TYPE: due.type,
        WHAT: due.text,
        INVOICE: due.invoice[1] if due.invoice else None,
        DOCUMENT: due.paper.number if due.paper else None,
        DUE_ON: due.due_on,
        DEBIT if due.is_debit else CREDIT: abs(due.amount),
        DUE: due.due_after,
        CURRENCY: currency,
    }


async def _requests(db: Database, caller: Caller, of: Statement) -> Rows:
    async for requests in statements.pages(db, caller, of, statements.requests_of, of.asked_count):
        yield [_request(one, of.funds.currency) for one in requests]


def _request(one: PaymentRequest, currency: str) -> Row:
    return {
        DATE: one.issued_at,
        TYPE: one.kind_words,
        DOCUMENT: one.number,
        PO_NUMBER: one.purchase_order_number,
        DUE_ON: one.due_on,
        AMOUNT: one.total,
        PAID: one.paid,
        CREDITED: one.credited,
        DUE: one.due,
        CURRENCY: currency,
    }
