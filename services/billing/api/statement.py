"""One statement in four forms: JSON by pages, CSV and XLSX of any length row by row, PDF up to what a person reads."""

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.billing.api.exact import OptionalId, finance_router
from services.billing.api.finance_rows import container
from services.billing.api.forms import TYPES, form_of
from services.billing.api.statement_rows import due_out, funds_out, invoices_out, request_out, row_out
from services.billing.api.statement_tables import ALL, one_table, parts_of, sheet_of
from services.billing.clients.press import Unprintable
from services.billing.clients.sheets import csv_of, xlsx_of
from services.billing.clients.statement import InvoicesPaper, StatementPaper
from services.billing.queries import statement as statements
from services.billing.queries.invoices_on_account import Due
from services.billing.queries.statement import PDF_LONGEST, XLSX_LONGEST, Owing, Statement
from services.billing.rules import decimals, period_of
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
    own: bool = False, limit: Annotated[int, Query(ge=0)] = 0, offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Response:  # fmt: skip
    """`from` and `to` are days (UTC), both in the period; today and the first of its month where absent. `own`: of the
    funds that the division had of its own, before the account's divisions shared them again."""
    form = form_of(wanted, request.headers.get("accept", ""))
    period = period_of(first, last, now().date())
    async with database(request).transaction() as tx:
        of = await statements.statement(tx, caller, container_id, period, now(), own)
    if form == "json":
        return await _json(request, caller, of, min(limit or statements.PAGE, statements.PAGE), offset)
    if form == "pdf":
        return await _pdf(request, caller, of)
    return await (_csv if form == "csv" else _xlsx)(request, caller, of)


async def _json(request: Request, caller: Who, of: Statement, limit: int, offset: int) -> Response:
    """`limit` and `offset` are of each list."""
    async with database(request).transaction() as tx:
        course, owing = await statements.course(tx, of), await statements.owing(tx, of)
        rows = await statements.rows_of(tx, caller, of, offset, limit)
        dues = await statements.dues_of(tx, caller, of, offset, limit)
        requests = await statements.requests_of(tx, caller, of, offset, limit)

    def paged(found: list[dict[str, Any]], total: int) -> dict[str, Any]:
        return {"rows": found, "page": {"total": total, "limit": limit, "offset": offset}}

    currency = of.funds.currency
    return JSONResponse({
        "container": container(of.division.id, of.division.name),
        "funds_of": container(of.funds.division_id, of.funds_name),
        "currency": currency,
        "from": of.period.first.isoformat(),
        "to": of.period.last.isoformat(),
        "is_over": of.is_over,
        **funds_out(of, course),
        **paged([row_out(row) for row in rows], of.count),
        "invoices_on_account": {
            **invoices_out(of, owing), **paged([due_out(due, currency) for due in dues], of.invoices.count),
        },
        "payment_requests": paged([request_out(row, currency) for row in requests], of.asked_count),
    })  # fmt: skip


async def _csv(request: Request, caller: Who, of: Statement) -> Response:
    rows = one_table(parts_of(database(request), caller, of))
    return _stream(csv_of(ALL, decimals(of.funds.currency), rows), of, "csv")


async def _xlsx(request: Request, caller: Who, of: Statement) -> Response:
    if of.length > XLSX_LONGEST:
        raise _too_long(of, "a spreadsheet", XLSX_LONGEST)
    sheets = [sheet_of(part) for part in parts_of(database(request), caller, of)]
    return _stream(await xlsx_of(decimals(of.funds.currency), sheets), of, "xlsx")


def _stream(blocks: AsyncIterator[bytes], of: Statement, form: str) -> Response:
    media = TYPES[form] + ("; charset=utf-8" if form == "csv" else "")
    return StreamingResponse(blocks, media_type=media, headers=_named(of, form))


def _named(of: Statement, form: str) -> dict[str, str]:
    name = f"statement-{of.division.id}-{of.period.first}-{of.period.last}.{form}"
    return {"Content-Disposition": f'{"inline" if form == "pdf" else "attachment"}; filename="{name}"'}


def _too_long(of: Statement, what: str, longest: int) -> Rejected:
    return Rejected(
        f"The statement has {of.length:,} rows, and {what} takes {longest:,}; choose a shorter period, or take CSV "
        "(format=csv), which has no limit.",
        "statement_too_long",
    )


async def _pdf(request: Request, caller: Who, of: Statement) -> Response:
    if of.length > PDF_LONGEST:
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
        course, owing = await statements.course(tx, of), await statements.owing(tx, of)
        rows = await statements.rows_of(tx, caller, of, 0, PDF_LONGEST)
        dues = await statements.dues_of(tx, caller, of, 0, PDF_LONGEST)
        requests = await statements.requests_of(tx, caller, of, 0, PDF_LONGEST)
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
        "invoices": None if of.invoices.is_idle else _invoices_paper(of, owing, dues),
        "requests": [
            {"issued_on": one.issued_at.date().isoformat(), "number": one.number, "what": one.words,
             "due_on": one.due_on.isoformat(), "total": one.total, "paid": one.paid, "due": one.due}
            for one in requests
        ],
    }  # fmt: skip


def _invoices_paper(of: Statement, owing: Owing, dues: list[Due]) -> InvoicesPaper:
    return {
        "opening": of.invoices.opening.due, "debit": owing.debit, "credit": owing.credit,
        "closing": of.invoices.closing.due, "accrued_before": of.invoices.opening.accrued,
        "accrued": of.invoices.closing.accrued,
        "aging": [{"words": age.words, "amount": amount} for age, amount in owing.aging],
        "rows": [
            {"at": due.at.isoformat(), "text": due.text, "amount": due.amount, "is_debit": due.is_debit,
             "balance": due.due_after}
            for due in dues
        ],
    }  # fmt: skip
