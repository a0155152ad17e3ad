from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from services.billing.api.answers import line_out, page_of
from services.billing.api.exact import finance_router
from services.billing.api.forms import wants_csv
from services.billing.api.invoice_table import COLUMNS, table_of
from services.billing.clients.sheets import csv_of
from services.billing.models import CreditNote, Invoice, Line
from services.billing.queries import documents, invoices
from services.billing.queries.filters import FILTERS, SORT_COLUMNS
from services.billing.rules import Standing, printed
from shared.events.orders import SOURCE as OURS
from shared.listing import Listing, parse_listing
from shared.web import Tx, Who, database

router = finance_router()

PLAIN = ("container_id", "account_id")
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
ATTACHED = {"Content-Disposition": 'attachment; filename="invoices.csv"'}
PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}


class InvoiceOut(BaseModel):
    id: int
    invoice_number: str
    kind: str
    status: str
    overdue: Literal[True] | None
    container: dict[str, Any]
    order_id: int | None
    order_source: str | None
    request_id: int | None  # by which the names on it were added to the order
    period: dict[str, str] | None
    po_number: str | None
    purchase_order: dict[str, Any] | None
    legacy_number: str | None
    legacy_source: str | None
    legacy_date_issued: str | None
    currency: str
    net_amount: str
    tax_amount: str
    total_amount: str
    paid_amount: str
    credited_amount: str
    returned_amount: str | None  # of what was credited: it had been paid, and went to the funds
    amount_due: str
    date_issued: str
    date_due: str


@router.get("/invoice", response_model=dict[str, Any], responses=CSV)
async def list_invoices(
    request: Request, tx: Tx, caller: Who, wanted: Annotated[str, Query(alias="format")] = ""
) -> Any:
    """As CSV, all of them that fit, the newest first."""
    listing = parse_listing(request.query_params.multi_items(), FILTERS, SORT_COLUMNS, PLAIN)
    if wants_csv(wanted, request.headers.get("accept", "")):
        return await _as_csv(request, tx, caller, listing)
    total, rows = await invoices.invoices(tx, caller, listing)
    found = [invoice_out(row.Invoice, documents.standing_of(row)).model_dump(exclude_none=True) for row in rows]
    return {"invoices": found, "page": page_of(total, listing)}


async def _as_csv(request: Request, tx: Tx, caller: Who, listing: Listing) -> Response:
    """Its first page is read before the answer begins, so that what is refused is refused."""
    first = await invoices.page_of_all(tx, caller, listing)
    blocks = csv_of(COLUMNS, 0, table_of(database(request), caller, listing, first))
    return StreamingResponse(blocks, media_type="text/csv; charset=utf-8", headers=ATTACHED)


def invoice_out(row: Invoice, standing: Standing) -> InvoiceOut:
    def money(amount: int) -> str:
        return printed(amount, row.currency)

    return InvoiceOut(
        id=row.id,
        invoice_number=row.number,
        kind=row.kind,
        status=standing.status,
        overdue=True if standing.is_overdue else None,
        container={"id": row.division_id, "name": row.division_name},
        order_id=row.order_id,
        order_source=None if row.order_source == OURS else row.order_source,
        request_id=row.request_id or None,
        period=_period(row),
        po_number=row.purchase_order_number,
        purchase_order=_purchase_order(row),
        legacy_number=row.legacy_number,
        legacy_source=row.legacy_source,
        legacy_date_issued=row.legacy_issued_on.isoformat() if row.legacy_issued_on else None,
        currency=row.currency,
        net_amount=money(row.net),
        tax_amount=money(row.tax),
        total_amount=money(row.total),
        paid_amount=money(standing.paid),
        credited_amount=money(standing.credited),
        returned_amount=money(standing.returned) if standing.returned else None,
        amount_due=money(standing.due),
        date_issued=row.issued_at.isoformat(timespec="seconds"),
        date_due=row.due_on.isoformat(),
    )


def _period(row: Invoice) -> dict[str, str] | None:
    if row.period_first is None or row.period_last is None:
        return None
    return {"first_day": row.period_first.isoformat(), "last_day": row.period_last.isoformat()}


def _purchase_order(row: Invoice) -> dict[str, Any] | None:
    return {"id": row.purchase_order_id, "po_number": row.purchase_order_number} if row.purchase_order_id else None


@router.get("/invoice/{invoice_id}")
async def view_invoice(tx: Tx, caller: Who, invoice_id: int) -> dict[str, Any]:
    row, standing = await documents.invoice(tx, caller, invoice_id)
    lines = [_line(line, row.currency) for line in await documents.lines_of(tx, row.id)]
    return invoice_out(row, standing).model_dump(exclude_none=True) | {"lines": lines}


def _line(line: Line, currency: str) -> dict[str, Any]:
    """On a month's invoice each line has the order that it is for."""
    order = {"order_id": line.order_id} if line.order_id else {}
    source = {"order_source": line.order_source} if line.order_source not in (None, OURS) else {}
    return {**line_out(line, currency), **order, **source}


@router.get("/invoice/{invoice_id}/pdf", responses=PDF, response_class=Response)
async def invoice_pdf(tx: Tx, caller: Who, invoice_id: int) -> Response:
    row, _ = await documents.invoice(tx, caller, invoice_id)
    return await stored_pdf(tx, "invoice", row)


@router.get("/order/{order_id}/invoice/pdf", responses=PDF, response_class=Response)
async def order_invoice_pdf(tx: Tx, caller: Who, order_id: int) -> Response:
    """Of the order itself. The list with `filters[order_id]` has all of its invoices: names added later, too."""
    return await stored_pdf(tx, "invoice", await documents.of_order(tx, caller, order_id))


async def stored_pdf(tx: Tx, kind: str, row: Invoice | CreditNote) -> Response:
    pdf = await documents.stored_pdf(tx, kind, row.id)
    return Response(
        pdf, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{row.number}.pdf"'}
    )
