from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing.models import Division, Funds, Invoice, Line, Purse, TaxGroup
from services.billing.pages.timeline import timeline
from services.billing.queries import balance, credit_notes, documents, invoices, payments, settling
from services.billing.queries.finance import PAYING
from services.billing.queries.papers import buyer_printed
from services.billing.queries.supplied import days_supplied
from services.billing.rules import Standing
from shared.errors import DomainError
from shared.events.orders import SOURCE as OURS
from shared.listing import Listing
from shared.web import PageUser, Tx, page

router = APIRouter(prefix="/finance", include_in_schema=False)
PAGE, LINES = 50, 200
COUNTED = 1_000  # of what is searched for; a page says that there are as many or more
MOST_NOTES = 100
STEPS = 200  # in the course of an invoice; the PDF with payments has more


@router.get("")
async def finance() -> Response:
    return RedirectResponse("/finance/invoices", 303)


@router.get("/invoices")
async def invoice_list(
    request: Request, tx: Tx, caller: PageUser, status: str = "", kind: str = "",
    search: Annotated[str, Query(max_length=255)] = "", before: int | None = None, account_id: int | None = None,
    container_id: int | None = None,
) -> Response:  # fmt: skip
    wanted = {"status": status, "kind": kind, "search": search.strip(), "account_id": str(account_id or "")}
    wanted |= {"container_id": str(container_id or "")}
    division = await balance.visible_division(tx, caller, container_id) if container_id else None
    listing = Listing(PAGE, filters={name: (value,) for name, value in wanted.items() if value})
    total, rows = await invoices.invoices(tx, caller, listing, before, COUNTED)
    filters = {"status": status, "kind": kind, "search": search}
    kept = {name: value for name, value in wanted.items() if value}
    more = (
        f"{request.scope['path']}?{urlencode({**kept, 'before': rows[-1].Invoice.id})}" if len(rows) == PAGE else None
    )
    first = f"{request.scope['path']}?{urlencode(kept)}" if before else None
    return page(
        request, "invoices.html", rows=[_row(row) for row in rows], total=total, most=COUNTED if search else None,
        next=more, first=first, csv=_csv(kept) if rows else None, filters=filters,
        summary=await _summary(tx, caller, division), division=division,
    )  # fmt: skip


def _csv(kept: dict[str, str]) -> str:
    asked = {f"filters[{name}]": value for name, value in kept.items()} | {"format": "csv"}
    return f"/services/v2/finance/invoice?{urlencode(asked)}"


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
        "request_id": invoice.request_id or None,
        "purchase_order_number": invoice.purchase_order_number,
        "legacy_number": invoice.legacy_number,
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
    if standing.status == "paid" and invoice.due_at_issue == 0 and not invoice.is_request:
        return "settled"
    return {"open": "due", "partially_paid": "partly_paid"}.get(standing.status, standing.status)


async def _summary(tx: Tx, caller: PageUser, division: Division | None) -> dict[str, Any] | None:
    """Where each division has its own funds, those of one are shown when it is chosen."""
    if caller.role not in documents.FINANCE or caller.is_operator:
        return None
    funds: Funds | None = await balance.account_funds(tx, caller.account_id)
    if funds is None:
        return None
    purse = await balance.purse_behind(tx, division) if division else Purse(funds, funds)
    due, overdue = await payments.sums_due(tx, caller.account_id, (division.id,) if division else caller.divisions)
    return {
        "due": due,
        "overdue": overdue,
        "by_division": funds.separate and division is None,
        "balance": purse.own.balance,
        "available": None if purse.unlimited else purse.available,
        "currency": funds.currency,
    }


@router.get("/invoices/{invoice_id}")
async def invoice_page(request: Request, tx: Tx, caller: PageUser, invoice_id: int, after: int = 0) -> Response:
    return await shown_invoice(request, tx, caller, invoice_id, after=after)


async def shown_invoice(
    request: Request, tx: Tx, caller: PageUser, invoice_id: int, form: dict[str, str] | None = None,
    refused: DomainError | None = None, after: int = 0,
) -> Response:  # fmt: skip
    """`form` and `refused`: what staff wanted to credit, and why it was not. `after`: the line before the first one."""
    invoice, standing = await documents.invoice(tx, caller, invoice_id)
    notes = await credit_notes.of_invoice(tx, invoice.id, MOST_NOTES)
    document = await documents.document_of(tx, "invoice", invoice.id)
    settled = await settling.settlings(tx, invoice, STEPS)
    lines = await documents.lines_of(tx, invoice.id, after, LINES)
    groups, days = await documents.taxes_of(tx, invoice.id), (await days_supplied(tx, [invoice])).get(invoice.id)
    stored = {"ready": document.sha256 is not None, "sha256": document.sha256}
    return page(
        request, "invoice.html", refused.status if refused else 200, document=stored,
        invoice=_paper(invoice, standing, lines, groups, days), credit_notes=[_note(note) for note in notes],
        timeline=timeline(invoice, document, notes, settled), may_pay=caller.role in PAYING and standing.due > 0,
        first=after, after=lines[-1].position if len(lines) == LINES else None,
        creditable=await _creditable(tx, invoice, standing, lines) if caller.is_operator else [],
        form=form or {}, error=refused.message if refused else "",
    )  # fmt: skip


def _paper(
    invoice: Invoice, standing: Standing, lines: Sequence[Line], groups: Sequence[TaxGroup], days: Any
) -> dict[str, Any]:
    return _facts(invoice, standing) | {
        "paid": standing.paid,
        "returned": standing.returned,
        "charged": invoice.kind == "order",
        "buyer_reference": invoice.buyer["buyer_reference"],
        "legacy_source": invoice.legacy_source,
        "legacy_issued_on": invoice.legacy_issued_on,
        "settlement": invoice.payment_text,
        "request": invoice.is_request,
        "seller": _party(invoice.seller["name"], invoice.seller["address"], invoice.seller),
        "buyer": _buyer(invoice),
        "lines": [_line(line) for line in lines],
        "period": days,
        "groups": [_group(group) for group in groups],
    }


async def _creditable(tx: Tx, invoice: Invoice, standing: Standing, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Lines of which something is left; of what only asked for money, no more than it asks for."""
    credited = await credit_notes.credited_lines(tx, invoice.id) if standing.credited else {}
    most = standing.due if invoice.is_request else invoice.net
    left = {line.position: min(line.net - credited.get(line.position, 0), most) for line in lines}
    found = [line for line in lines if left[line.position] > 0]
    return [
        {"position": line.position, "description": line.description, "net": line.net, "left": left[line.position]}
        for line in found
    ]


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
        "order_id": line.order_id if line.order_source == OURS else None,
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
