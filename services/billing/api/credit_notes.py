from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from services.billing import actions
from services.billing.api.answers import line_out, page_of, without_none
from services.billing.api.exact import AmountText, finance_router
from services.billing.api.invoices import PDF, PLAIN, stored_pdf
from services.billing.models import CreditNote, CreditNoteTax, Invoice
from services.billing.queries import credit_notes, documents
from services.billing.queries.credit_notes import FILTERS, SORT_COLUMNS
from services.billing.rules import from_text, printed
from shared.audit import note
from shared.errors import Rejected
from shared.events.orders import SOURCE as OURS
from shared.listing import parse_listing
from shared.web import Body, Once, Tx, Who, now, operator

router = finance_router()


class LineIn(Body):
    id: Annotated[int, Field(ge=1, lt=2**31)]
    amount: AmountText


class CreditIn(Body):
    """Lines with their net amounts, or `all` that is left."""

    reason: Annotated[str, Field(max_length=2000)] = ""
    lines: Annotated[list[LineIn], Field(default_factory=list)]
    all: bool = False
    currency: str | None = None


@router.post("/invoice/{invoice_id}/credit-note", status_code=201, dependencies=[Depends(operator)])
async def credit(tx: Tx, caller: Who, once: Once, invoice_id: int, body: CreditIn) -> JSONResponse:
    invoice, _ = await documents.invoice(tx, caller, invoice_id)
    return await once(tx, 201, lambda: _credit(tx, caller, invoice, body))


async def _credit(tx: Tx, caller: Who, invoice: Invoice, body: CreditIn) -> dict[str, Any]:
    issued = await actions.credit_invoice(tx, invoice.id, _lines(invoice, body), body.reason, caller.email, now())
    note(tx, caller.email, "invoice credited", f"invoice/{invoice.id}", None, body.model_dump(), now())
    total, due = printed(issued.credit.total, invoice.currency), printed(issued.due_after, invoice.currency)
    return {
        "id": issued.id, "credit_note_number": issued.number, "total_amount": total, "currency": invoice.currency,
        "invoice": {"id": invoice.id, "invoice_number": invoice.number, "amount_due": due},
    }  # fmt: skip


def _lines(invoice: Invoice, body: CreditIn) -> dict[int, int] | None:
    if body.currency and body.currency != invoice.currency:
        raise Rejected(f"Invoice {invoice.number} is in {invoice.currency}; send the amounts in that.")
    if body.all and body.lines:
        raise Rejected("Name lines, or say all that is left, not both.", "no_lines")
    wanted = {line.id: from_text(line.amount, invoice.currency) for line in body.lines}
    if len(wanted) < len(body.lines):
        raise Rejected("A line is named twice; name each once with the whole amount for it.")
    return None if body.all else wanted


@router.get("/credit-note")
async def list_all(request: Request, tx: Tx, caller: Who) -> dict[str, Any]:
    listing = parse_listing(request.query_params.multi_items(), FILTERS, SORT_COLUMNS, PLAIN)
    total, rows = await credit_notes.credit_notes(tx, caller, listing)
    return {"credit_notes": [_shown(row) for row in rows], "page": page_of(total, listing)}


@router.get("/credit-note/{note_id}")
async def view(tx: Tx, caller: Who, note_id: int) -> dict[str, Any]:
    row = await credit_notes.credit_note(tx, caller, note_id)
    currency = row.CreditNote.currency
    lines = await credit_notes.lines_of(tx, note_id)
    taxes = await credit_notes.taxes_of(tx, note_id)
    return _shown(row) | {
        "lines": [{**line_out(line, currency), "invoice_line_id": line.line} for line in lines],
        "taxes": [_tax(tax, currency) for tax in taxes],
    }


def _tax(tax: CreditNoteTax, currency: str) -> dict[str, Any]:
    return {
        "category": tax.category,
        "tax_rate": f"{tax.rate:.2f}",
        "net_amount": printed(tax.net, currency),
        "tax_amount": printed(tax.tax, currency),
    }


def _shown(row: Any) -> dict[str, Any]:
    found: CreditNote = row.CreditNote

    def money(amount: int) -> str:
        return printed(amount, found.currency)

    told = {
        "id": found.id,
        "credit_note_number": found.number,
        "invoice": {"id": found.invoice_id, "invoice_number": found.invoice_number},
        "container": {"id": found.division_id, "name": row.division_name},
        "order_id": found.order_id,
        "order_source": None if found.order_source == OURS else found.order_source,
        "request_id": found.request_id or None,
        "currency": found.currency,
        "net_amount": money(found.net),
        "tax_amount": money(found.tax),
        "total_amount": money(found.total),
        "pre_payment_amount": money(found.pre_payment),
        "post_payment_amount": money(found.post_payment),
        "date_issued": found.issued_at.isoformat(timespec="seconds"),
        "reason": found.reason,
        "how_paid": found.how_paid,
        "money_went": found.money_went,
        "document_ready": row.document_ready,
    }
    return without_none(told)


@router.get("/credit-note/{note_id}/pdf", responses=PDF, response_class=Response)
async def pdf(tx: Tx, caller: Who, note_id: int) -> Response:
    row = await credit_notes.credit_note(tx, caller, note_id)
    return await stored_pdf(tx, "credit_note", row.CreditNote)


@router.get("/order/{order_id}/credit-note/pdf", responses=PDF, response_class=Response)
async def pdf_of_order(tx: Tx, caller: Who, order_id: int) -> Response:
    return await stored_pdf(tx, "credit_note", await credit_notes.of_order(tx, caller, order_id))
