from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing.models import Funds, Invoice, Line, TaxGroup
from services.billing.queries import balance, documents, payments
from services.billing.queries.finance import PAYING
from services.billing.queries.papers import buyer_printed
from services.billing.rules import Standing
from shared.figures import money
from shared.listing import Listing
from shared.web import PageUser, Tx, page

router = APIRouter(prefix="/finance", include_in_schema=False)
PAGE = 50
OURS = "issuary/orders"


@router.get("")
async def finance() -> Response:
    return RedirectResponse("/finance/invoices", 303)


@router.get("/invoices")
async def invoice_list(
    request: Request, tx: Tx, caller: PageUser, status: str = "", kind: str = "",
    search: Annotated[str, Query(max_length=255)] = "", before: int | None = None, account_id: int | None = None,
) -> Response:  # fmt: skip
    wanted = {"status": status, "kind": kind, "search": search.strip(), "account_id": str(account_id or "")}
    listing = Listing(PAGE, filters={name: (value,) for name, value in wanted.items() if value})
    total, rows = await documents.invoices(tx, caller, listing, before)
    filters = {"status": status, "kind": kind, "search": search}
    kept = {name: value for name, value in wanted.items() if value}
    more = (
        f"{request.scope['path']}?{urlencode({**kept, 'before': rows[-1].Invoice.id})}" if len(rows) == PAGE else None
    )
    first = f"{request.scope['path']}?{urlencode(kept)}" if before else None
    return page(
        request, "invoices.html", rows=[_row(row) for row in rows], total=total, next=more, first=first, csv=None,
        filters=filters, summary=await _summary(tx, caller),
    )  # fmt: skip


def _row(row: Any) -> dict[str, Any]:
    invoice: Invoice = row.Invoice
    return {
        **_facts(invoice, documents.standing_of(row)),
        "account_name": row.account_name,
        "document_ready": row.document_ready,
    }


def _facts(invoice: Invoice, standing: Standing) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "number": invoice.number,
        "kind": invoice.kind,
        "status": _status(invoice, standing),
        "order_id": invoice.order_id,
        "order_source": None if invoice.order_source == OURS else invoice.order_source,
        "purchase_order_number": invoice.purchase_order_number,
        "division": invoice.division_name,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "currency": invoice.currency,
        "net": invoice.net,
        "tax": invoice.tax,
        "total": invoice.total,
        "amount_due": standing.due,
        "credited": standing.credited,
    }


def _status(invoice: Invoice, standing: Standing) -> str:
    if standing.is_overdue:
        return "overdue"
    if standing.status == "paid" and invoice.due_at_issue == 0:
        return "settled"
    return {"open": "due", "partially_paid": "partly_paid"}.get(standing.status, standing.status)


async def _summary(tx: Tx, caller: PageUser) -> dict[str, Any] | None:
    if caller.role not in documents.FINANCE or caller.is_operator:
        return None
    funds: Funds | None = await balance.account_funds(tx, caller.account_id)
    if funds is None:
        return None
    available = None if funds.unlimited else funds.available
    due, overdue = await payments.sums_due(tx, caller.account_id)
    return {
        "due": due,
        "overdue": overdue,
        "balance": funds.balance,
        "available": available,
        "currency": funds.currency,
    }


@router.get("/invoices/{invoice_id}")
async def invoice_page(request: Request, tx: Tx, caller: PageUser, invoice_id: int) -> Response:
    invoice, standing = await documents.invoice(tx, caller, invoice_id)
    notes = await documents.notes_of(tx, invoice.id)
    document = await documents.document_of(tx, "invoice", invoice.id)
    paid = await payments.history_of(tx, invoice.id)
    shown = _facts(invoice, standing) | {
        "paid": 0 if standing.credited and not invoice.due_at_issue else standing.paid,
        "buyer_reference": invoice.buyer["buyer_reference"],
        "legacy_number": None,
        "settlement": invoice.payment_text,
        "request": invoice.is_request,
        "seller": _party(invoice.seller["name"], invoice.seller["address"], invoice.seller),
        "buyer": _buyer(invoice),
        "lines": [_line(line) for line in await documents.lines_of(tx, invoice.id)],
        "groups": [_group(group) for group in await documents.taxes_of(tx, invoice.id)],
    }
    stored = {"ready": document.sha256 is not None, "sha256": document.sha256}
    return page(
        request, "invoice.html", invoice=shown, document=stored,
        credit_notes=[_note(note) for note in notes], timeline=_timeline(invoice, document, notes, paid),
        may_pay=caller.role in PAYING and standing.due > 0,
    )  # fmt: skip


def _party(name: str, lines: list[str], numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "lines": lines,
        "vat_number": numbers.get("vat_number"),
        "registration": numbers.get("registration_number"),
    }


def _buyer(invoice: Invoice) -> dict[str, Any]:
    buyer = buyer_printed(invoice.buyer)
    return _party(buyer["legal_name"] or buyer["name"], buyer["address"], buyer)


def _line(line: Line) -> dict[str, Any]:
    return {
        "description": line.description,
        "detail": ", ".join(line.detail) or None,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "net": line.net,
        "rate": _percent(line.rate),
    }


def _group(group: TaxGroup) -> dict[str, Any]:
    return {
        "category": group.category,
        "rate": _percent(group.rate),
        "net": group.net,
        "tax": group.tax,
        "reason": group.sentence,
    }


def _percent(rate: Any) -> str:
    return f"{rate.normalize():f} %"


def _note(row: Any) -> dict[str, Any]:
    note = row.CreditNote
    return {
        "id": note.id,
        "number": note.number,
        "issued_on": note.issued_on,
        "total": note.total,
        "document_ready": row.document_ready,
    }


def _timeline(invoice: Invoice, document: Any, notes: Any, paid: Any) -> list[dict[str, Any]]:
    steps = [_step(invoice.issued_at, "good", f"Issued to {invoice.buyer['name'].rstrip('.')}. {invoice.payment_text}")]
    if document.rendered_at:
        steps.append(_step(document.rendered_at, "good", "PDF stored"))
    for row in notes:
        note = row.CreditNote
        steps.append(_step(note.issued_at, "wait", f"Credit note {note.number}: {note.reason}. {note.money_went}"))
    steps += [_paid(row, invoice.currency) for row in paid]
    return sorted(steps, key=lambda step: step["at"])


def _paid(row: Any, currency: str) -> dict[str, Any]:
    kind, came = ("good", "paid") if row.amount > 0 else ("bad", "went back")
    link = {"href": f"/finance/payments/{row.Payment.id}", "link": row.Payment.reference}
    return _step(row.at, kind, f"{money(abs(row.amount), currency)} {came}, payment") | link


def _step(at: datetime, kind: str, text: str) -> dict[str, Any]:
    return {"at": at, "kind": kind, "text": text, "who": None, "href": None, "link": None}
