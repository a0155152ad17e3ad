from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from services.orders.actions.timeline import note
from services.orders.models import CertificateOrder, OrderRequest
from shared.events.base import OrderRef
from shared.events.orders import SOURCE
from shared.events.validation import AuthorizeIssuance
from shared.outbox import announce

ASKED_AT_ONCE = 50


def ask_when_ready(tx: AsyncSession, request: OrderRequest, now: datetime) -> None:
    """Approval, payment and every name's proof arrive in any order; whichever comes last makes us ask. A proof is no
    permission: validation judges all names again at this moment."""
    if not request.should_ask(now):
        return
    request.ask(now)
    order = request.order
    note(tx, order, now, "plain", "Everything is there; asked validation to judge every name now")
    announce(
        tx,
        AuthorizeIssuance(
            account_id=order.account_id,
            source=SOURCE,
            occurred_at=now,
            order=OrderRef(id=order.id),
            request_id=request.id,
            names=request.dns_names,
        ),
    )


async def ask_again(tx: AsyncSession, now: datetime) -> bool:
    """A denial, a silence or a permission that ran out is asked about again; an order never waits without end."""
    query = (
        select(OrderRequest)
        .join(OrderRequest.order)
        .options(contains_eager(OrderRequest.order))
        .where(OrderRequest.ask_again_at <= now, OrderRequest.closed_at.is_(None))
        .order_by(OrderRequest.ask_again_at)
        .limit(ASKED_AT_ONCE)
        .with_for_update(skip_locked=True, of=(CertificateOrder, OrderRequest))
    )
    requests = (await tx.scalars(query)).all()
    for request in requests:
        if request.should_ask(now):
            ask_when_ready(tx, request, now)
        else:
            request.ask_again_at = None  # a name's proof ran out: the next one asks
    return len(requests) == ASKED_AT_ONCE
