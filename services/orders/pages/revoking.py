"""Asking for the revocation of an order's certificates, or of one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.models import Certificate
from services.orders.pages import request_shown, typed
from services.orders.pages.orders import OrderNumber, row_of
from services.orders.pages.typed import Faults
from services.orders.queries import OfOrder
from services.orders.rules.reasons import RevocationWish, revocation_reason
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, NotFound
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/orders/{order_id:int}/revoke", include_in_schema=False)
FIELDS = ("certificate", "reason", "comments", "at_once")
Chosen = Annotated[int, Query(ge=0, lt=2**31)]


@router.get("")
async def ask(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx, certificate: Chosen = 0) -> Response:
    form = dict.fromkeys(FIELDS, "") | {"certificate": str(certificate or "")}
    return await _form(request, tx, who, order_id, form, Faults())


@router.post("", dependencies=[CsrfChecked])
async def revoke(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    sent = await typed.typed(request)
    form, faults = {name: sent.get(name, "") for name in FIELDS}, Faults()
    comments = faults.of("comments", lambda: typed.comments_typed(form["comments"]))
    reason = faults.of("reason", lambda: revocation_reason(form["reason"]))
    if faults or reason is None:
        return await _form(request, tx, who, order_id, form, faults, 400)
    try:
        async with attempt(tx):
            await _ask(tx, who, order_id, form["certificate"], RevocationWish(reason, comments, bool(form["at_once"])))
    except DomainError as refused:
        faults.tell(refused)
        return await _form(request, tx, who, order_id, form, faults, refused.status)
    return RedirectResponse(f"/orders/{order_id}?done=revoke", 303)


async def _ask(tx: Tx, who: Caller, order_id: int, chosen: str, wish: RevocationWish) -> None:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    certificate = await _chosen(tx, order_id, chosen) if chosen else None
    by = replace(actions.placer(who), approves=who.role in actions.REVOKES_ALONE)
    await actions.ask_revocation(tx, order, certificate, wish, by, now())


async def _chosen(tx: Tx, order_id: int, chosen: str) -> Certificate:
    number = int(chosen) if typed.is_number(chosen) else 0
    found = await queries.certificate_of(tx, order_id, number, None)
    if found is None:
        raise NotFound(f"There is no certificate {chosen[:40]} on this order.", "not_found|certificate")
    return found


async def _form(
    request: Request, tx: Tx, who: Caller, order_id: int, form: dict[str, str], faults: Faults, status: int = 200
) -> Response:
    row = await row_of(tx, who, order_id)
    who.require(*actions.CANCELLERS)
    found = await queries.certificates_of(tx, order_id)
    return page(
        request,
        "revoke.html",
        status,
        order=row.order,
        form=form,
        certificates=[("", "All certificates of the order"), *_standing(found)],
        reasons=request_shown.REASONS,
        may_skip=who.role in actions.REVOKES_ALONE,
        errors=dict(faults),
    )


def _standing(found: Sequence[OfOrder]) -> list[tuple[int, str]]:
    standing = [each.certificate for each in found if each.revocation is None]
    return [(each.id, f"{each.id}, {each.common_name}, until {each.valid_till}") for each in standing]
