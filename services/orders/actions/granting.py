"""What an approval sets going, whoever gave it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.actions.timeline import note
from services.orders.models import NEW, OrderRequest
from shared.events import orders as facts
from shared.outbox import announce

WORDS = {"reissue": "Reissue", "duplicate": "Duplicate", "revoke": "Revocation"}


def grant(tx: AsyncSession, request: OrderRequest, who: str, now: datetime) -> bool:
    """Where a reissue adds names, they are charged from here on."""
    if not request.approve(who, now):
        return False
    order = request.order
    note(tx, order, now, "good", "Approved" if request.type == NEW else f"{WORDS[request.type]} approved", who=who)
    if request.type == NEW:
        announce(
            tx,
            facts.OrderApproved(account_id=order.account_id, order_id=order.id, approved_by=who[:255], occurred_at=now),
        )
    if request.names_added:
        announce(tx, _names_added(request, request.names_added, now))
    return True


def _names_added(request: OrderRequest, added: list[str], now: datetime) -> facts.OrderNamesAdded:
    order = request.order
    return facts.OrderNamesAdded(
        account_id=order.account_id,
        occurred_at=now,
        order_id=order.id,
        request_id=request.id,
        names=request.dns_names,
        added=tuple(added),
        starts_on=now.date(),
        term_ends_on=order.ends_on(now.date()),
        added_by=request.requested_by[:255],
        added_at=now,
    )
