import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import JSONResponse, Response

from services.billing import actions
from services.billing.models import CreditNote, Division, Funds, Invoice
from services.billing.queries import balance, documents, prefetch
from services.billing.queries.filters import FILTERS, SORT_COLUMNS
from services.billing.rules import from_text, printed
from shared.audit import note
from shared.errors import Denied, NotFound
from shared.events.base import Money
from shared.ids import new_id
from shared.listing import parse_listing
from shared.web import Body, Once, Tx, Who, now


class ExactRequest(Request):
    """A number with decimals stays the text it came as: money never becomes a float (contract T4)."""

    async def json(self) -> Any:
        return json.loads(await self.body(), parse_float=str, parse_constant=str)


class ExactRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def exactly(request: Request) -> Response:
            return await handle(ExactRequest(request.scope, request.receive))

        return exactly


router = APIRouter(prefix="/services/v2/finance", route_class=ExactRoute)

AmountText = Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int) and not isinstance(v, bool) else v)]
PLAIN = ("container_id", "account_id")
OptionalId = Annotated[int | None, BeforeValidator(lambda v: None if v in ("", "0") else v)]  # contract T6
PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}


class BalanceOut(BaseModel):
    """contract 3.1: limit and total are left out when the account is unlimited, the flag is there only then."""

    balance: str
    currency: str
    unpaid_invoice_balance: str
    negative_balance_limit: str | None
    used_credit_from_other_containers: str
    total_available_funds: str | None
    unlimited_negative_balance: Literal[True] | None


@router.get("/balance", response_model=BalanceOut, response_model_exclude_none=True)
async def view_balance(tx: Tx, caller: Who, container_id: OptionalId = None) -> BalanceOut:
    if caller.role not in documents.FINANCE:
        raise Denied("This role may not see the balance; ask a finance manager of your account.")
    division = await balance.visible_division(tx, caller, container_id)
    return _balance(await balance.funds_behind(tx, division))


def _balance(funds: Funds) -> BalanceOut:
    def money(amount: int) -> str:
        return printed(amount, funds.currency)

    return BalanceOut(
        balance=money(funds.balance),
        currency=funds.currency,
        unpaid_invoice_balance=money(funds.unpaid),
        negative_balance_limit=None if funds.unlimited else money(funds.negative_limit),
        used_credit_from_other_containers=money(0),  # divisions have no separate funds
        total_available_funds=None if funds.unlimited else money(funds.available),
        unlimited_negative_balance=True if funds.unlimited else None,
    )


class DepositIn(Body):
    container_id: Annotated[int, Field(ge=1, lt=2**31)]
    amount: AmountText
    currency: str | None = None
    payment_method: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z_]+$")] = "wire_transfer"
    reference: Annotated[str | None, Field(max_length=255)] = None


@router.post("/deposit", status_code=201)
async def deposit(tx: Tx, caller: Who, once: Once, body: DepositIn) -> JSONResponse:
    if not caller.is_operator or caller.key_role in documents.ORDER_KEYS:
        raise Denied("A deposit is recorded by the CA's staff when the money has arrived; send it by bank transfer.")
    return await once(tx, 201, lambda: _deposit(tx, caller, body))


async def _deposit(tx: Tx, caller: Who, body: DepositIn) -> dict[str, Any]:
    division = await tx.get(Division, body.container_id)
    if division is None:
        raise NotFound(f"There is no container {body.container_id}; check its id.", "not_found|container")
    await prefetch.lock_funds(tx, {division.account_id}, {division.id})
    funds = await balance.account_funds(tx, division.account_id)
    currency = body.currency or (funds.currency if funds else "")
    amount = Money(amount=from_text(body.amount, currency), currency=currency)
    reference = body.reference or f"deposit {new_id()}"
    note(tx, caller.email, "deposit recorded", f"container/{division.id}", None, body.model_dump(), now())
    payment_id = await actions.deposit_funds(
        tx, division.account_id, division.id, amount, body.payment_method, reference, caller.email, now()
    )
    return {
        "id": payment_id,
        "status": "settled",
        "amount": printed(amount.amount, currency),
        "currency": currency,
        "reference": reference,
    }


class InvoiceOut(BaseModel):
    id: int
    invoice_number: str
    kind: str
    status: str
    container: dict[str, Any]
    order_id: int | None
    order_source: str | None
    po_number: str | None
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
    found = [invoice_out(row.Invoice, int(row.credited)).model_dump(exclude_none=True) for row in rows]
    return {"invoices": found, "page": {"total": total, "limit": listing.limit, "offset": listing.offset}}


def invoice_out(row: Invoice, credited: int) -> InvoiceOut:
    def money(amount: int) -> str:
        return printed(amount, row.currency)

    paid = row.total - row.due_at_issue
    return InvoiceOut(
        id=row.id,
        invoice_number=row.number,
        kind=row.kind,
        status="credited" if credited >= row.total else "paid" if row.due_at_issue == 0 else "open",
        container={"id": row.division_id, "name": row.division_name},
        order_id=row.order_id,
        order_source=None if row.order_source == "issuary/orders" else row.order_source,
        po_number=row.purchase_order_number,
        currency=row.currency,
        net_amount=money(row.net),
        tax_amount=money(row.tax),
        total_amount=money(row.total),
        paid_amount=money(paid),
        credited_amount=money(credited),
        amount_due=money(row.due_at_issue),
        date_issued=row.issued_at.isoformat(timespec="seconds"),
        date_due=row.due_on.isoformat(),
    )


@router.get("/invoice/{invoice_id}")
async def view_invoice(tx: Tx, caller: Who, invoice_id: int) -> dict[str, Any]:
    row = await documents.invoice(tx, caller, invoice_id)
    credited = sum(note.CreditNote.total for note in await documents.notes_of(tx, row.id))
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
    return invoice_out(row, credited).model_dump(exclude_none=True) | {"lines": lines}


@router.get("/invoice/{invoice_id}/pdf", responses=PDF, response_class=Response)
async def invoice_pdf(tx: Tx, caller: Who, invoice_id: int) -> Response:
    return await _pdf(tx, "invoice", await documents.invoice(tx, caller, invoice_id))


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
