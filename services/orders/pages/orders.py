"""The page of one order, and what closes it."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Request
from pydantic import AfterValidator
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.models import CertificateOrder
from services.orders.pages import request_shown, shown
from services.orders.queries import Row
from services.orders.rules.methods import METHODS
from services.orders.rules.texts import without_nul
from shared.access import Caller
from shared.errors import DomainError, NotFound
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/orders", include_in_schema=False)
OrderNumber = Annotated[int, Path(ge=1, lt=2**31)]
Reason = Annotated[str, AfterValidator(without_nul), Form(max_length=500)]
DONE = {
    "placed": "The order is placed.",
    "reissue": "The reissue is asked for.",
    "duplicate": "The duplicate is asked for.",
    "revoke": "The revocation is asked for.",
    "approved": "Approved.",
    "rejected": "Rejected.",
    "checked": "The names are looked at now; what is found stands here in a few seconds.",
    "mailed": "The mails go out once more, unless they did just now.",
    "method": "What is to be published now stands here in a few seconds; what was there before is of no more use.",
    "noted": "The note is kept.",
    "auto_on": "It reissues itself, 30 days before its certificate ends.",
    "auto_off": "It does not reissue itself.",
}


@router.get("/{order_id:int}")
async def show_order(
    request: Request, order_id: OrderNumber, who: PageUser, tx: Tx, done: str = "", before: UUID | None = None
) -> Response:
    return await show(request, tx, who, order_id, notice=DONE.get(done, ""), before=before)


async def show(
    request: Request,
    tx: Tx,
    who: Caller,
    order_id: int,
    *,
    notice: str = "",
    refused: DomainError | None = None,
    before: UUID | None = None,
    text: str = "",
) -> Response:
    """Also where something small was refused, with its sentence; `text` is the note that was typed."""
    row = await row_of(tx, who, order_id)
    reissue = await queries.request(tx, row.order.reissue_id) if row.order.reissue_id else None
    found, requests = await queries.certificates_of(tx, order_id), await queries.newest_requests(tx, order_id)
    timeline, older = await queries.timeline(tx, order_id, before)
    at = now()
    return page(
        request,
        "order.html",
        refused.status if refused else 200,
        **shown.order(row, who, at, request.app.state.issues_itself, reissue),
        **request_shown.rights(row, found, reissue or row.request, who, at),
        notice=notice,
        error=refused.message if refused else "",
        text=text,
        timeline=timeline,
        older=older,
        newer=before is not None,
        requests=[request_shown.request(each, who) for each in requests],
        certificates=request_shown.certificates(found, row.order.certificate_id, at.date()),
        formats=request_shown.FORMATS,
        most=queries.MOST_SHOWN,
        methods=list(METHODS.items()),
        notes=await queries.notes_of(tx, order_id),
        own_values=await queries.custom_values_of(tx, order_id),
        renewed_by=row.renewed_by,
    )


@router.get("/{order_id:int}/certificate.pem")
async def download(order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    row = await row_of(tx, who, order_id)
    if row.certificate is None:
        raise NotFound(f"Order {order_id} has no certificate yet.", "not_found|certificate")
    name = row.order.common_name.replace("*", "wildcard")
    headers = {"content-type": "application/x-pem-file", "content-disposition": f'attachment; filename="{name}.pem"'}
    return Response(row.certificate.pem_all, headers=headers)


@router.get("/{order_id:int}/{deed}")
async def confirm(request: Request, order_id: OrderNumber, deed: str, who: PageUser, tx: Tx) -> Response:
    row = await row_of(tx, who, order_id)
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


async def row_of(tx: Tx, who: Caller, order_id: int) -> Row:
    who.require(*actions.READERS)
    row = await queries.order_row(tx, who, str(order_id))
    if row is None:
        raise actions.no_order(order_id)
    return row
