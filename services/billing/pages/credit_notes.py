"""Credit notes: the list, and staff crediting an invoice line by line."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.models import Invoice
from services.billing.pages.invoices import shown_invoice
from services.billing.queries import credit_notes, documents
from services.billing.rules import from_text, is_number
from shared.audit import note
from shared.db import attempt
from shared.errors import DomainError, Rejected
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page, page_operator

router = APIRouter(prefix="/finance", include_in_schema=False)
PAGE = 50
LONGEST_REASON = 2000


@router.get("/credit-notes")
async def listed(
    request: Request, tx: Tx, caller: PageUser, search: Annotated[str, Query(max_length=255)] = "",
    before: int | None = None, account_id: int | None = None,
) -> Response:  # fmt: skip
    wanted = {"search": search.strip(), "account_id": str(account_id or "")}
    kept = {name: value for name, value in wanted.items() if value}
    listing = Listing(PAGE, filters={name: (value,) for name, value in kept.items()})
    total, rows = await credit_notes.credit_notes(tx, caller, listing, before)
    where = request.scope["path"]
    following = f"{where}?{urlencode({**kept, 'before': rows[-1].CreditNote.id})}" if len(rows) == PAGE else ""
    return page(
        request, "credit_notes.html", rows=rows, total=total, search=wanted["search"], next=following,
        first=f"{where}?{urlencode(kept)}" if before else "", ours=credit_notes.OURS,
    )  # fmt: skip


@router.post("/invoices/{invoice_id}", dependencies=[CsrfChecked, Depends(page_operator)])
async def credit(request: Request, tx: Tx, caller: PageUser, invoice_id: int, after: int = 0) -> Response:
    """`after`: the line before the first one of the page that the form is on."""
    invoice, _ = await documents.invoice(tx, caller, invoice_id)
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    try:
        async with attempt(tx):
            await _credit(tx, caller, invoice, form)
    except DomainError as refused:
        return await shown_invoice(request, tx, caller, invoice_id, form, refused, after)
    return RedirectResponse(f"/finance/invoices/{invoice_id}" + (f"?after={after}" if after else ""), 303)


async def _credit(tx: Tx, caller: PageUser, invoice: Invoice, form: dict[str, str]) -> None:
    """What the page showed as credited comes along: the same form sent twice credits once."""
    lines, reason = _lines(invoice, form), form.get("reason", "")
    if len(reason) > LONGEST_REASON:
        raise Rejected(f"A reason has at most {LONGEST_REASON} characters; it is printed on the credit note.")
    seen = int(form["seen"]) if is_number(form.get("seen", ""), 18) else None
    await actions.credit_invoice(tx, invoice.id, lines, reason, caller.email, now(), seen)
    told: dict[str, Any] = {"lines": lines, "reason": reason}
    note(tx, caller.email, "invoice credited", f"invoice/{invoice.id}", None, told, now())


def _lines(invoice: Invoice, form: dict[str, str]) -> dict[int, int] | None:
    """Net by line; fields left empty are lines left alone."""
    if form.get("do") == "all":
        return None
    given = {name.removeprefix("net-"): value for name, value in form.items() if name.startswith("net-") and value}
    return {
        int(position): from_text(value, invoice.currency) for position, value in given.items() if is_number(position, 9)
    }
