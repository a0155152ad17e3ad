from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.actions.asking import ask_when_ready
from services.orders.actions.granting import WORDS, grant
from services.orders.actions.organizations import ask_for_order
from services.orders.actions.requesting import (
    Placer,
    new_request,
    refuse_blocked,
    refuse_unsuited,
    tell_submitted,
    wish_certificate,
)
from services.orders.actions.timeline import note
from services.orders.models import DUPLICATE, REISSUE, CertificateOrder, OrderRequest
from services.orders.rules.reissue import (
    CheckedReissue,
    Current,
    ReissueWish,
    added_names,
    check_duplicate,
    check_reissue,
)
from shared.db import the
from shared.errors import Rejected


async def reissue_order(
    tx: AsyncSession, order: CertificateOrder, wish: ReissueWish, by: Placer, now: datetime
) -> OrderRequest:
    """A new certificate in place of the order's own. Names may be others; more than were paid wait for their price."""
    order.refuse_unless_issued("reissued", now.date())
    current = await _current(tx, order)
    request = await _new_request(tx, order, REISSUE, check_reissue(wish, current, now.date()), wish, by, now)
    added = added_names(request.dns_names, current.names, order.fqdns_paid, order.wildcards_paid)
    request.names_added = list(added) or None
    await ask_for_order(tx, order, by.who, now)
    return _submit(tx, order, request, by, now)


async def duplicate_order(
    tx: AsyncSession, order: CertificateOrder, wish: ReissueWish, by: Placer, now: datetime
) -> OrderRequest:
    """One more certificate beside the order's own."""
    order.refuse_unless_issued("duplicated", now.date())
    if order.reissue_id:
        raise Rejected(
            f"Order {order.id} is being reissued by request {order.reissue_id}; duplicate it when that is done.",
            "invalid_state",
        )
    checked = check_duplicate(wish, await _current(tx, order), now.date())
    await ask_for_order(tx, order, by.who, now)
    return _submit(tx, order, await _new_request(tx, order, DUPLICATE, checked, wish, by, now), by, now)


def _submit(
    tx: AsyncSession, order: CertificateOrder, request: OrderRequest, by: Placer, now: datetime
) -> OrderRequest:
    order.take_request(request, now)
    added = f"; more names than were paid: {', '.join(request.names_added)}" if request.names_added else ""
    note(tx, order, now, "plain", f"{WORDS[request.type]} asked for, request {request.id}{added}", who=by.who)
    tell_submitted(tx, request, needs_approval=not by.approves)
    if by.approves:
        grant(tx, request, by.who, now)
        ask_when_ready(tx, request, now)
    else:
        note(tx, order, now, "wait", "Waits for the approval of a manager or administrator of the account")
    return request


async def _new_request(
    tx: AsyncSession,
    order: CertificateOrder,
    kind: str,
    checked: CheckedReissue,
    wish: ReissueWish,
    by: Placer,
    now: datetime,
) -> OrderRequest:
    await refuse_blocked(tx, checked.csr)
    refuse_unsuited(tx, order.product_name_id, checked.csr, checked.names)
    request = await new_request(tx, kind, order.account_id, order.id, wish.comments, by, now)
    wish_certificate(request, checked, checked.server_platform_id)
    return request


async def _current(tx: AsyncSession, order: CertificateOrder) -> Current:
    request = await the(tx, OrderRequest, order.request_id)
    return Current(
        product_name_id=order.product_name_id,
        names=request.dns_names,
        csr=request.csr or "",
        signature_hash=request.signature_hash or "sha256",
        server_platform_id=request.server_platform_id,
        dcv_method=request.dcv_method,
    )
