from typing import Any, Literal

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from services.billing.api.exact import finance_router
from services.billing.models import CreditNote, Invoice
from services.billing.queries import documents
from services.billing.queries.filters import FILTERS, SORT_COLUMNS
from services.billing.rules import Standing, printed
from shared.listing import parse_listing
from shared.web import Tx, Who

router = finance_router()

PLAIN = ("container_id", "account_id")
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
    po_number: str | None
    purchase_order: dict[str, Any] | None
    currency: str
    net_amount: str
    tax_amount: str
    total_amount: str
    paid_amount: str
    credited_amount: str
    amount_due: str
    date_issued: str
    date_due: str


@router.get("/invoice")
async def list_invoices(request: Request, tx: Tx, caller: Who) -> dict[str, Any]:
    listing = parse_listing(request.query_params.multi_items(), FILTERS, SORT_COLUMNS, PLAIN)
    total, rows = await documents.invoices(tx, caller, listing)
    found = [invoice_out(row.Invoice, documents.standing_of(row)).model_dump(exclude_none=True) for row in rows]
    return {"invoices": found, "page": {"total": total, "limit": listing.limit, "offset": listing.offset}}


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
        order_source=None if row.order_source == "issuary/orders" else row.order_source,
        po_number=row.purchase_order_number,
        purchase_order=_purchase_order(row),
        currency=row.currency,
        net_amount=money(row.net),
        tax_amount=money(row.tax),
        total_amount=money(row.total),
        paid_amount=money(standing.paid),
        credited_amount=money(standing.credited),
        amount_due=money(standing.due),
        date_issued=row.issued_at.isoformat(timespec="seconds"),
        date_due=row.due_on.isoformat(),
    )


def _purchase_order(row: Invoice) -> dict[str, Any] | None:
    return {"id": row.purchase_order_id, "po_number": row.purchase_order_number} if row.purchase_order_id else None


@router.get("/invoice/{invoice_id}")
async def view_invoice(tx: Tx, caller: Who, invoice_id: int) -> dict[str, Any]:
    row, standing = await documents.invoice(tx, caller, invoice_id)
    lines = [
        {
            "id": line.position,
            "description": line.description,
            "names": line.detail,
            "quantity": line.quantity,
            "unit_price": printed(line.unit_price, row.currency),
            "net_amount": printed(line.net, row.currency),
            "tax_rate": f"{line.rate:.2f}",
        }
        for line in await documents.lines_of(tx, row.id)
    ]
    return invoice_out(row, standing).model_dump(exclude_none=True) | {"lines": lines}


@router.get("/invoice/{invoice_id}/pdf", responses=PDF, response_class=Response)
async def invoice_pdf(tx: Tx, caller: Who, invoice_id: int) -> Response:
    row, _ = await documents.invoice(tx, caller, invoice_id)
    return await _pdf(tx, "invoice", row)


@router.get("/credit-note/{note_id}/pdf", responses=PDF, response_class=Response)
async def credit_note_pdf(tx: Tx, caller: Who, note_id: int) -> Response:
    return await _pdf(tx, "credit_note", await documents.credit_note(tx, caller, note_id))


@router.get("/order/{order_id}/invoice/pdf", responses=PDF, response_class=Response)
async def order_invoice_pdf(tx: Tx, caller: Who, order_id: int) -> Response:
    return await _pdf(tx, "invoice", await documents.of_order(tx, caller, Invoice, order_id))


@router.get("/order/{order_id}/credit-note/pdf", responses=PDF, response_class=Response)
async def order_credit_note_pdf(tx: Tx, caller: Who, order_id: int) -> Response:
    return await _pdf(tx, "credit_note", await documents.of_order(tx, caller, CreditNote, order_id))


async def _pdf(tx: Tx, kind: str, row: Invoice | CreditNote) -> Response:
    pdf = await documents.stored_pdf(tx, kind, row.id)
    return Response(
        pdf, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{row.number}.pdf"'}
    )
