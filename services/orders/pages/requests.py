"""Requests that wait to be decided, the longest waiting first, and deciding one with a comment."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.models import REVOKE, OrderRequest
from services.orders.pages import request_shown
from services.orders.pages.orders import Reason
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/orders/requests", include_in_schema=False)
PAGE = 50
RequestNumber = Annotated[int, Path(ge=1, lt=2**31)]
After = Annotated[int, Query(ge=0, lt=2**31)]


@router.get("")
async def queue(
    request: Request, who: PageUser, tx: Tx, type: str = "", since: datetime | None = None, after: After = 0
) -> Response:
    who.require(*actions.APPROVERS)
    listing = Listing(limit=PAGE, filters={"type": (type,)} if type else {})
    rows, total = await queries.undecided(tx, who, listing, (since, after) if since else None)
    last = rows[-1].request if len(rows) == PAGE else None
    more = {"since": f"{last.requested_at:%Y-%m-%dT%H:%M:%S.%fZ}", "after": str(last.id)} if last else {}
    return page(
        request,
        "requests.html",
        rows=[request_shown.queued(row, who, now()) for row in rows],
        total=total,
        types=[("", "All"), *request_shown.TYPES.items()],
        type=type,
        next=_address({"type": type, **more}) if more else "",
        first=_address({"type": type}) if since else "",
    )


def _address(query: dict[str, str]) -> str:
    kept = {name: value for name, value in query.items() if value}
    return f"/orders/requests?{urlencode(kept)}" if kept else "/orders/requests"


@router.get("/{request_id:int}/approve")
async def ask_to_approve(request: Request, request_id: RequestNumber, who: PageUser, tx: Tx) -> Response:
    return page(request, "confirm.html", **_approving(await actions.request_to_decide(tx, who, request_id)))


@router.get("/{request_id:int}/reject")
async def ask_to_reject(request: Request, request_id: RequestNumber, who: PageUser, tx: Tx) -> Response:
    return page(request, "confirm.html", **_rejecting(await actions.request_to_decide(tx, who, request_id)))


@router.post("/{request_id:int}/approve", dependencies=[CsrfChecked])
async def approve(
    request: Request, request_id: RequestNumber, who: PageUser, tx: Tx, reason: Reason = ""
) -> Response:  # fmt: skip
    found = await actions.request_to_decide(tx, who, request_id)
    question, where = _approving(found), f"/orders/{found.order_id}?done=approved"
    try:
        async with attempt(tx):
            await actions.approve_request(tx, found, _decider(who, reason), now())
    except DomainError as refused:
        return page(request, "confirm.html", refused.status, **question, reason=reason, error=refused.message)
    return RedirectResponse(where, 303)


@router.post("/{request_id:int}/reject", dependencies=[CsrfChecked])
async def reject(
    request: Request, request_id: RequestNumber, who: PageUser, tx: Tx, reason: Reason = ""
) -> Response:  # fmt: skip
    found = await actions.request_to_decide(tx, who, request_id)
    question, where = _rejecting(found), f"/orders/{found.order_id}?done=rejected"
    try:
        async with attempt(tx):
            actions.reject_request(tx, found, _decider(who, reason), reason, now())
    except DomainError as refused:
        return page(request, "confirm.html", refused.status, **question, reason=reason, error=refused.message)
    return RedirectResponse(where, 303)


def _decider(who: Caller, comment: str) -> actions.Decider:
    return actions.Decider(who.name, who.user_id, comment.strip() or None)


def _approving(request: OrderRequest) -> dict[str, Any]:
    message = "The certificate is issued as soon as everything is paid and every name is proven."
    if request.type == REVOKE:
        what = f"Certificate {request.revokes_id} is" if request.revokes_id else "All certificates of the order are"
        message = f"{what} revoked at once, and that cannot be undone."
    if request.names_added:
        message = f"{message} More names than were paid are charged: {', '.join(request.names_added)}."
    return {
        **_question(request, "Approve", "approve"),
        "message": message,
        "kind": "danger" if request.type == REVOKE else "primary",
        "back_text": "Not now",
        "reason_label": "Comment",
        "reason_needed": False,
    }


def _rejecting(request: OrderRequest) -> dict[str, Any]:
    stays = "Nothing is revoked." if request.type == REVOKE else "The order stays as it was."
    message = "Nothing is issued. What was charged goes back to the funds with a credit note."
    return {
        **_question(request, "Reject", "reject"),
        "message": message if request.type == "new_request" else stays,
        "kind": "danger",
        "reason_label": "Why is it rejected?",
    }


def _question(request: OrderRequest, verb: str, deed: str) -> dict[str, Any]:
    what = request_shown.TYPES[request.type].lower()
    asked = f"{what} {request.id}, {request.common_name}, asked for by {request.requested_by}"
    return {
        "title": f"{verb} {asked}?",
        "verb": f"{verb} {what}",
        "action": f"/orders/requests/{request.id}/{deed}",
        "back": f"/orders/{request.order_id}",
    }
