from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.actions import PurchaseOrderWish
from services.billing.models import Account, PurchaseOrder
from services.billing.pages.forms import division_to_fund, once_by_form
from services.billing.queries import balance, finance, purchase_orders
from services.billing.queries.divisions import is_separate
from services.billing.rules import from_text
from shared.audit import note
from shared.db import attempt
from shared.errors import Denied, DomainError, Rejected
from shared.events.base import Money
from shared.ids import new_id
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/finance/purchase-orders", include_in_schema=False)
PAGE = 50
UNDECIDED = "pending,rejected"  # an approved one is found as its invoice
Text = Annotated[str, Form()]


@router.get("")
async def listed(
    request: Request, tx: Tx, caller: PageUser, status: Annotated[str, Query(max_length=40)] = UNDECIDED,
    search: Annotated[str, Query(max_length=255)] = "", before: int | None = None, container_id: int | None = None,
) -> Response:  # fmt: skip
    """Where divisions have their own funds, the page opens with these."""
    if not request.query_params and await is_separate(tx, caller):
        return RedirectResponse("/finance/divisions", 303)
    return await _listed(request, tx, caller, status, search.strip(), before, container_id)


async def _listed(
    request: Request, tx: Tx, caller: PageUser, status: str = UNDECIDED, search: str = "", before: int | None = None,
    container_id: int | None = None, form: dict[str, str] | None = None, refused: DomainError | None = None,
    earlier: int | None = None,
) -> Response:  # fmt: skip
    wanted = {"status": "" if status == "all" else status, "search": f"{search}%" if search else ""}
    division = await balance.visible_division(tx, caller, container_id) if container_id else None
    wanted |= {"container_id": str(container_id or "")}
    listing = Listing(PAGE, filters={name: (value,) for name, value in wanted.items() if value})
    total, rows = await purchase_orders.purchase_orders(tx, caller, listing, before)
    return page(
        request, "purchase_orders.html", refused.status if refused else 200, rows=[_row(row) for row in rows],
        total=total, filters={"status": status, "search": search}, before=rows[-1][0].id if len(rows) == PAGE else None,
        first=bool(before), division=division, form=form or {"division": str(container_id or "")},
        error=refused.message if refused else "", earlier=earlier, key=str(new_id()), **await _submitting(tx, caller),
    )  # fmt: skip


def _row(row: Any) -> dict[str, Any]:
    order, account, invoice_id, invoice_number, earlier = row
    return {
        "order": order,
        "account_name": account,
        "invoice": {"id": invoice_id, "number": invoice_number} if invoice_id else None,
        "earlier": earlier,
    }


async def _submitting(tx: Tx, caller: PageUser) -> dict[str, Any]:
    """Who may submit has the divisions to choose from."""
    account = None if caller.is_operator else await tx.get(Account, caller.account_id)
    may = account is not None and caller.role in finance.PAYING
    divisions = await balance.visible_divisions(tx, caller) if may else []
    agreed = bool(account and account.purchase_orders_allowed)
    return {"may_submit": may, "agreed": agreed, "divisions": divisions, "currency": account and account.currency}


@router.post("", dependencies=[CsrfChecked])
async def submit(
    request: Request, tx: Tx, caller: PageUser, number: Text = "", amount: Text = "", division: Text = "",
    remark: Text = "", contact: Text = "", meant: Text = "", key: Text = "",
) -> Response:  # fmt: skip
    """A number that was used before is asked about once: `meant` is the number that the answer is about."""
    form = {"number": number, "amount": amount, "division": division, "remark": remark, "contact": contact}
    try:
        async with attempt(tx):
            where = await once_by_form(tx, caller, key, form, lambda: _submit(tx, caller, form, meant))
    except _Asked as asked:
        return await _listed(request, tx, caller, form=form, earlier=asked.earlier)
    except DomainError as refused:
        return await _listed(request, tx, caller, form=form, refused=refused)
    return RedirectResponse(where, 303)


class _Asked(Exception):
    """Whether the number of an earlier purchase order is meant again."""

    def __init__(self, earlier: int) -> None:
        self.earlier = earlier


async def _submit(tx: Tx, caller: PageUser, form: dict[str, str], meant: str) -> str:
    number = form["number"]
    if meant != number.strip() and (earlier := await purchase_orders.with_number(tx, caller.account_id, number)):
        raise _Asked(earlier)
    division = await division_to_fund(tx, caller, form["division"])
    account = await tx.get_one(Account, division.account_id)
    amount = Money(amount=from_text(form["amount"].strip(), account.currency), currency=account.currency)
    wish = PurchaseOrderWish(division.id, form["number"], amount, form["remark"].strip(), form["contact"].strip())
    order = await actions.submit_purchase_order(tx, account.id, wish, caller.email, now())
    return f"/finance/purchase-orders/{order.id}"


@router.get("/{order_id}")
async def shown(request: Request, tx: Tx, caller: PageUser, order_id: int) -> Response:
    return await _shown(request, tx, caller, order_id)


async def _shown(
    request: Request, tx: Tx, caller: PageUser, order_id: int, refused: DomainError | None = None
) -> Response:
    row = await purchase_orders.purchase_order(tx, caller, order_id)
    may_cancel = caller.role in finance.PAYING
    return page(
        request, "purchase_order.html", refused.status if refused else 200, **_row(row), may_cancel=may_cancel,
        error=refused.message if refused else "",
    )  # fmt: skip


@router.post("/{order_id}", dependencies=[CsrfChecked])
async def decide(
    request: Request, tx: Tx, caller: PageUser, order_id: int, decision: Text = "", reason: Text = ""
) -> Response:
    order: PurchaseOrder = (await purchase_orders.purchase_order(tx, caller, order_id))[0]
    try:
        async with attempt(tx):
            await _decide(request, tx, caller, order, decision, reason)
    except DomainError as refused:
        return await _shown(request, tx, caller, order_id, refused)
    return RedirectResponse(f"/finance/purchase-orders/{order_id}", 303)


async def _decide(request: Request, tx: Tx, caller: PageUser, order: PurchaseOrder, decision: str, reason: str) -> None:
    if decision == "canceled":
        finance.require_finance_of(caller, order.account_id, order.division_id)
        await actions.cancel_purchase_order(tx, order.id, caller.email, now())
        return
    if not caller.is_operator:
        raise Denied("A purchase order is decided by the certificate authority's staff; you may cancel it.")
    if decision not in ("approved", "rejected"):
        raise Rejected("Decide whether the purchase order is approved or rejected; nothing was changed.")
    if decision == "rejected":
        await actions.reject_purchase_order(tx, order.id, reason, caller.email, now())
    else:
        days = request.app.state.settings.payment_days
        await actions.approve_purchase_order(tx, order.id, caller.email, now(), days)
    told = {"status": decision, "reason": reason}
    note(tx, caller.email, f"purchase order {decision}", f"purchase-order/{order.id}", None, told, now())
