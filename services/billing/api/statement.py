"""One statement in four forms: JSON by pages, CSV and XLSX of any length row by row, PDF up to what a person reads."""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.billing.api.exact import OptionalId, finance_router
from services.billing.api.finance_rows import container, entry_out
from services.billing.api.forms import TYPES, form_of
from services.billing.clients.press import Unprintable
from services.billing.clients.sheets import Cell, Column, csv_of, xlsx_of
from services.billing.clients.statement import StatementPaper
from services.billing.queries import statement as statements
from services.billing.queries.history import Entry
from services.billing.queries.statement import PDF_LONGEST, XLSX_LONGEST, Statement
from services.billing.rules import Period, decimals, period_of, printed
from shared.errors import DomainError, Rejected
from shared.web import Who, database, now

log = logging.getLogger(__name__)
router = finance_router()

OTHER_FORMS: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {} for kind in TYPES.values()}}}


class NotPrinted(DomainError):
    status = 503
    code = "service_unavailable"


@router.get("/statement", responses=OTHER_FORMS)
async def statement(
    request: Request, caller: Who, container_id: OptionalId = None,
    first: Annotated[str, Query(alias="from")] = "", last: Annotated[str, Query(alias="to")] = "",
    wanted: Annotated[str, Query(alias="format")] = "",
    limit: Annotated[int, Query(ge=0)] = 0, offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Response:  # fmt: skip
    """`from` and `to` are days (UTC), both in the period; today and the first of its month where absent."""
    form = form_of(wanted, request.headers.get("accept", ""))
    period = period_of(first, last, now().date())
    async with database(request).transaction() as tx:
        of = await statements.statement(tx, caller, container_id, period, now())
    if form == "json":
        return await _json(request, caller, of, min(limit or statements.PAGE, statements.PAGE), offset)
    if form == "pdf":
        return await _pdf(request, caller, of)
    return await (_csv if form == "csv" else _xlsx)(request, caller, of)


async def _json(request: Request, caller: Who, of: Statement, limit: int, offset: int) -> Response:
    async with database(request).transaction() as tx:
        course = await statements.course(tx, of)
        rows = await statements.rows_of(tx, caller, of, offset, limit)

    def money(amount: int) -> str:
        return printed(amount, of.funds.currency)

    return JSONResponse({
        "container": container(of.division.id, of.division.name),
        "funds_of": container(of.funds.division_id, of.funds_name),
        "currency": of.funds.currency,
        "from": of.period.first.isoformat(),
        "to": of.period.last.isoformat(),
        "is_over": of.is_over,
        "opening_balance": money(of.opening),
        "total_debit": money(course.debit),
        "total_credit": money(course.credit),
        "closing_balance": money(of.closing),
        "rows": [entry_out(row) | _document(row) for row in rows],
        "page": {"total": of.count, "limit": limit, "offset": offset},
    })  # fmt: skip


def _document(entry: Entry) -> dict[str, Any]:
    """Every row says in words what it was, and names its document."""
    paper = entry.paper
    named = {"document": {"kind": paper.kind, "id": paper.id, "number": paper.number}} if paper else {}
    return {"note": entry.text} | named


COLUMNS = (
    Column("Date (UTC)", "time", 19), Column("Type", width=18), Column("What", width=52), Column("Order", width=12),
    Column("Document", width=18), Column("Receipt", width=10), Column("Debit", "amount"), Column("Credit", "amount"),
    Column("Balance", "amount"), Column("Currency", width=9), Column("Adjustment", width=12),
)  # fmt: skip


async def _table(request: Request, caller: Who, of: Statement) -> AsyncIterator[Sequence[Sequence[Cell]]]:
    yield [_balance_row("Opening balance", of, of.period, of.opening)]
    async for entries in statements.pages(database(request), caller, of):
        yield [_row(entry) for entry in entries]
    yield [_balance_row("Closing balance" if of.is_over else "Balance now", of, of.period, of.closing)]


def _balance_row(name: str, of: Statement, period: Period, balance: int) -> list[Cell]:
    return [None, name, str(period), None, None, None, None, None, balance, of.funds.currency, None]


def _row(entry: Entry) -> list[Cell]:
    moved = abs(entry.amount)
    order = None if entry.order_id is None else str(entry.order_id)
    return [
        entry.at, entry.type, entry.text, order, entry.paper.number if entry.paper else None,
        str(entry.receipt_id) if entry.receipt_id else None, moved if entry.is_debit else None,
        None if entry.is_debit else moved, entry.balance_after, entry.currency, str(entry.id),
    ]  # fmt: skip


async def _csv(request: Request, caller: Who, of: Statement) -> Response:
    return _stream(csv_of(COLUMNS, decimals(of.funds.currency), _table(request, caller, of)), of, "csv")


async def _xlsx(request: Request, caller: Who, of: Statement) -> Response:
    if of.count > XLSX_LONGEST:
        raise _too_long(of, "a spreadsheet", XLSX_LONGEST)
    places = decimals(of.funds.currency)
    return _stream(await xlsx_of(COLUMNS, places, "Funds", _table(request, caller, of)), of, "xlsx")


def _stream(blocks: AsyncIterator[bytes], of: Statement, form: str) -> Response:
    media = TYPES[form] + ("; charset=utf-8" if form == "csv" else "")
    return StreamingResponse(blocks, media_type=media, headers=_named(of, form))


def _named(of: Statement, form: str) -> dict[str, str]:
    name = f"statement-{of.division.id}-{of.period.first}-{of.period.last}.{form}"
    return {"Content-Disposition": f'{"inline" if form == "pdf" else "attachment"}; filename="{name}"'}


def _too_long(of: Statement, what: str, longest: int) -> Rejected:
    return Rejected(
        f"The statement has {of.count:,} rows, and {what} takes {longest:,}; choose a shorter period, or take CSV "
        "(format=csv), which has no limit.",
        "statement_too_long",
    )


async def _pdf(request: Request, caller: Who, of: Statement) -> Response:
    if of.count > PDF_LONGEST:
        raise _too_long(of, "a PDF", PDF_LONGEST)
    paper = await _paper(request, caller, of)
    try:
        pdf = await request.app.state.print(paper)
    except (Unprintable, TimeoutError) as error:
        log.error("a statement could not be printed", exc_info=error, extra={"division": of.division.id})
        raise NotPrinted("The PDF cannot be made at the moment; try again in a minute, or take CSV.") from error
    return Response(pdf, media_type=TYPES["pdf"], headers=_named(of, "pdf"))


async def _paper(request: Request, caller: Who, of: Statement) -> StatementPaper:
    async with database(request).transaction() as tx:
        buyer, seller = await statements.parties(tx, of, now())
        course = await statements.course(tx, of)
    rows = [entry async for page in statements.pages(database(request), caller, of) for entry in page]
    return {
        "kind": "statement", "number": str(of.period), "issued_on": now().date().isoformat(),
        "currency": of.funds.currency, "seller": seller, "buyer": buyer, "division": of.division.name,
        "shared_with": of.funds_name if of.is_shared else None, "is_over": of.is_over, "opening": of.opening,
        "debit": course.debit, "credit": course.credit, "closing": of.closing,
        "rows": [
            {"at": row.at.isoformat(), "text": row.text, "amount": row.amount, "is_debit": row.is_debit,
             "balance": row.balance_after}
            for row in rows
        ],
    }  # fmt: skip
