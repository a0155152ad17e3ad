"""An invoice with its payments: the stored pages, and a sheet as of now that is made on request and never kept."""

import base64
import logging
from datetime import datetime
from typing import Any, cast

from fastapi import Request
from starlette.responses import Response

from services.billing.api.exact import finance_router
from services.billing.api.invoices import PDF
from services.billing.api.statement import NotPrinted
from services.billing.clients.paper import Buyer, Seller
from services.billing.clients.payments import CreditRow, PaymentRow, PaymentsPaper
from services.billing.clients.press import Unprintable
from services.billing.models import Invoice
from services.billing.queries import credit_notes, documents, settling
from services.billing.queries.papers import buyer_printed
from services.billing.queries.settling import Settling
from services.billing.rules import Standing, isolated
from shared.errors import Rejected
from shared.web import Who, database, now

log = logging.getLogger(__name__)
router = finance_router()
MOST = 1_000


@router.get("/invoice/{invoice_id}/pdf-with-payments", responses=PDF, response_class=Response)
async def invoice_with_payments(request: Request, caller: Who, invoice_id: int) -> Response:
    async with database(request).transaction() as tx:
        invoice, standing = await documents.invoice(tx, caller, invoice_id)
        stored = await documents.stored_pdf(tx, "invoice", invoice_id)
        settled = await settling.settlings(tx, invoice, MOST + 1)
        notes = await credit_notes.of_invoice(tx, invoice_id, MOST + 1)
    if len(settled) + len(notes) > MOST:
        raise Rejected(
            f"Invoice {invoice.number} has more than {MOST:,} payments and credit notes, which no sheet takes; "
            "the statement lists them.",
            "too_many_payments",
        )
    pdf = await _printed(request, _paper(invoice, standing, stored, settled, notes, now()))
    name = f"{invoice.number}-payments.pdf"
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'})


async def _printed(request: Request, paper: PaymentsPaper) -> bytes:
    try:
        pdf: bytes = await request.app.state.print(paper)
    except (Unprintable, TimeoutError) as error:
        log.error("a sheet of payments could not be printed", exc_info=error, extra={"invoice": paper["number"]})
        raise NotPrinted(
            "The sheet of payments cannot be made at the moment; try again in a minute, or take the stored PDF."
        ) from error
    return pdf


def _paper(
    invoice: Invoice, standing: Standing, stored: bytes, settled: list[Settling], notes: Any, at: datetime
) -> PaymentsPaper:
    seller, buyer = cast(Seller, invoice.seller), cast(Buyer, buyer_printed(invoice.buyer))
    return {
        "kind": "payments", "document": base64.b64encode(stored).decode(),
        "title": "Payment request" if invoice.is_request else "Invoice", "number": invoice.number,
        "invoice_date": invoice.issued_on.isoformat(), "as_of": at.isoformat(), "currency": invoice.currency,
        "seller": seller, "buyer": buyer, "total": invoice.total,
        "paid": standing.paid, "taken_off": standing.credited - standing.returned, "returned": standing.returned,
        "amount_due": standing.due, "payments": [_payment(row) for row in settled],
        "credit_notes": [_credit(row.CreditNote) for row in notes],
    }  # fmt: skip


def _payment(row: Settling) -> PaymentRow:
    at = row.at.date().isoformat() if row.at else None
    return {"at": at, "what": row.what, "method": row.method, "reference": row.reference, "amount": row.amount}


def _credit(note: Any) -> CreditRow:
    what = f"{isolated(note.reason.rstrip('.'))}. {note.money_went}"
    return {"at": note.issued_on.isoformat(), "number": note.number, "what": what, "amount": note.total}
