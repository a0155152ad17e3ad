from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import Field
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.actions import PurchaseOrderWish
from services.billing.api.answers import page_of, without_none
from services.billing.api.containers import division_to_fund
from services.billing.api.exact import AmountText, finance_router
from services.billing.models import Division, PurchaseOrder
from services.billing.queries import finance, purchase_orders
from services.billing.queries.purchase_orders import FILTERS, SORT_COLUMNS
from services.billing.rules import from_text, printed
from shared.audit import note
from shared.errors import Denied
from shared.events.base import Money
from shared.listing import parse_listing
from shared.web import Body, Once, Tx, Who, now

router = finance_router()
PLAIN = ("container_id", "account_id")


class PurchaseOrderIn(Body):
    po_number: Annotated[str, Field(max_length=255)] = ""
    amount: AmountText
    currency: str
    container_id: Annotated[int, Field(ge=1, lt=2**31)]
    note: Annotated[str | None, Field(max_length=2000)] = None
    contact: Annotated[str | None, Field(max_length=255)] = None


@router.post("/purchase-order", status_code=201)
async def submit(tx: Tx, caller: Who, once: Once, body: PurchaseOrderIn) -> JSONResponse:
    division = await division_to_fund(tx, caller, body.container_id)
    return await once(tx, 201, lambda: _submit(tx, caller, division, body))


async def _submit(tx: Tx, caller: Who, division: Division, body: PurchaseOrderIn) -> dict[str, Any]:
    amount = Money(amount=from_text(body.amount, body.currency), currency=body.currency)
    wish = PurchaseOrderWish(division.id, body.po_number, amount, body.note, body.contact)
    order = await actions.submit_purchase_order(tx, division.account_id, wish, caller.email, now())
    found = await purchase_orders.purchase_order(tx, caller, order.id)
    return {"id": order.id, "status": "pending"} | _pointed_out(found)


def _pointed_out(row: Any) -> dict[str, Any]:
    """Allowed, for a purchase order may be used up in parts; but often it is a slip."""
    order, *_, earlier = row
    if earlier is None:
        return {}
    warning = f"The number {order.number} was used before in this account; check that this is meant."
    return {"warning": warning, "duplicate_of": earlier}


@router.get("/purchase-order")
async def list_all(request: Request, tx: Tx, caller: Who) -> dict[str, Any]:
    listing = parse_listing(request.query_params.multi_items(), FILTERS, SORT_COLUMNS, PLAIN)
    total, rows = await purchase_orders.purchase_orders(tx, caller, listing)
    shown = [_shown(row) for row in rows]
    return {"purchase_orders": shown, "page": page_of(total, listing)}


@router.get("/purchase-order/{order_id}")
async def view(tx: Tx, caller: Who, order_id: int) -> dict[str, Any]:
    return _shown(await purchase_orders.purchase_order(tx, caller, order_id))


def _shown(row: Any) -> dict[str, Any]:
    order: PurchaseOrder = row[0]
    account, invoice_id, invoice_number = row[1:4]
    decided_at = order.approved_at or order.rejected_at or order.canceled_at
    told = {
        "id": order.id,
        "status": order.status,
        "po_number": order.number,
        "amount": printed(order.amount, order.currency),
        "currency": order.currency,
        "account": {"id": order.account_id, "name": account},
        "container": {"id": order.division_id, "name": order.division_name},
        "note": order.note,
        "contact": order.contact,
        "date_created": order.submitted_at.isoformat(timespec="seconds"),
        "submitted_by": order.submitted_by,
        "date_decided": decided_at and decided_at.isoformat(timespec="seconds"),
        "reason": order.reason,
        "invoice": {"id": invoice_id, "invoice_number": invoice_number} if invoice_id else None,
    }
    return without_none(told) | _pointed_out(row)


class DecisionIn(Body):
    status: Literal["approved", "rejected", "canceled"]
    reason: Annotated[str | None, Field(max_length=2000)] = None


@router.put("/purchase-order/{order_id}/status")
async def decide(request: Request, tx: Tx, caller: Who, order_id: int, body: DecisionIn) -> dict[str, Any]:
    """Approval is idempotent and always names the one invoice."""
    order: PurchaseOrder = (await purchase_orders.purchase_order(tx, caller, order_id))[0]
    told = {"id": order_id, "status": body.status, "po_number": order.number}
    if body.status == "canceled":
        finance.require_finance_of(caller, order.account_id, order.division_id)
        await actions.cancel_purchase_order(tx, order_id, caller.email, now())
        return told
    return told | await _by_staff(tx, caller, order_id, body, request.app.state.settings.payment_days)


async def _by_staff(tx: Tx, caller: Who, order_id: int, body: DecisionIn, payment_days: int) -> dict[str, Any]:
    if not caller.is_operator:
        raise Denied("A purchase order is decided by the certificate authority's staff; you may cancel it.")
    about, told = f"purchase-order/{order_id}", body.model_dump()
    note(tx, caller.email, f"purchase order {body.status}", about, None, told, now())
    if body.status == "rejected":
        await actions.reject_purchase_order(tx, order_id, body.reason, caller.email, now())
        return {}
    issued = await actions.approve_purchase_order(tx, order_id, caller.email, now(), payment_days)
    return {"invoice": {"id": issued.id, "invoice_number": issued.number}}
