from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request
from pydantic import AfterValidator
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.models import CertificateOrder
from services.orders.pages import shown
from services.orders.queries import Row
from services.orders.rules.texts import without_nul
from shared.access import Caller
from shared.errors import DomainError, NotFound
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/orders", include_in_schema=False)
PAGE = 50
OrderNumber = Annotated[int, Path(ge=1, lt=2**31)]
Reason = Annotated[str, AfterValidator(without_nul), Form(max_length=500)]


@router.get("")
async def list_orders(
    request: Request, who: PageUser, tx: Tx, status: str = "", search: str = "", division: str = "", before: int = 0
) -> Response:
    who.require(*actions.READERS)
    chosen = {"status": status, "search": search.strip(), "container_id": division}
    listing = Listing(limit=PAGE, filters={name: (value,) for name, value in chosen.items() if value})
    rows, total = await queries.page_of(tx, who, listing, before)
    filters = {"status": status, "search": search, "division": division}
    return page(
        request,
        "orders.html",
        rows=[shown.listed(row, now()) for row in rows],
        total=total,
        filters=filters,
        divisions=[(each.id, each.name) for each in await queries.divisions_of(tx, who.account_id)],
        next=_next(filters, rows),
        first=_address(filters) if before else "",
    )


@router.get("/{order_id:int}")
async def show_order(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    row = await _row(tx, who, order_id)
    request_row = await queries.request_of(tx, order_id)
    return page(
        request,
        "order.html",
        **shown.order(row, who, now(), issues_itself=request.app.state.issues_itself),
        timeline=await queries.timeline(tx, order_id),
        request_id=request_row.id,
    )


@router.get("/{order_id:int}/certificate.pem")
async def download(order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    row = await _row(tx, who, order_id)
    if row.certificate is None:
        raise NotFound(f"Order {order_id} has no certificate yet.", "not_found|certificate")
    name = row.order.common_name.replace("*", "wildcard")
    headers = {"content-type": "application/x-pem-file", "content-disposition": f'attachment; filename="{name}.pem"'}
    return Response(row.certificate.pem_all, headers=headers)


@router.get("/{order_id:int}/{deed}")
async def confirm(request: Request, order_id: OrderNumber, deed: str, who: PageUser, tx: Tx) -> Response:
    row = await _row(tx, who, order_id)
    return page(request, "confirm.html", **shown.question(row.order, deed))


@router.post("/{order_id:int}/approve", dependencies=[CsrfChecked])
async def approve(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.APPROVERS)
    return _done(request, order, "approve", "", lambda: actions.approve_order(tx, order, who.name, now()))


@router.post("/{order_id:int}/reject", dependencies=[CsrfChecked])
async def reject(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx, reason: Reason = "") -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.APPROVERS)
    return _done(request, order, "reject", reason, lambda: actions.reject_order(tx, order, who.name, reason, now()))


@router.post("/{order_id:int}/cancel", dependencies=[CsrfChecked])
async def cancel(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx, reason: Reason = "") -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    return _done(request, order, "cancel", reason, lambda: actions.cancel_order(tx, order, who.name, reason, now()))


def _done(request: Request, order: CertificateOrder, deed: str, reason: str, change: Callable[[], None]) -> Response:
    """A refusal asks again, with its sentence; the model refuses before it changes anything."""
    try:
        change()
    except DomainError as error:
        return page(request, "confirm.html", 400, **shown.question(order, deed), reason=reason, error=error.message)
    return RedirectResponse(f"/orders/{order.id}", 303)


async def _row(tx: Tx, who: Caller, order_id: int) -> Row:
    who.require(*actions.READERS)
    row = await queries.order_row(tx, who, str(order_id))
    if row is None:
        raise actions.no_order(order_id)
    return row


def _next(filters: dict[str, str], rows: Any) -> str:
    return _address({**filters, "before": str(rows[-1].order.id)}) if len(rows) == PAGE else ""


def _address(filters: dict[str, str]) -> str:
    kept = {name: value for name, value in filters.items() if value}
    return f"/orders?{urlencode(kept)}" if kept else "/orders"
