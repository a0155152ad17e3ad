from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, WaitingOrder
from services.billing.rules.waiting import actor
from shared.db import known, read_all, the
from shared.events.base import Money, OrderRef
from shared.events.billing import OrderStillWaiting
from shared.outbox import announce

AT_ONCE = 200


async def remind_of_waiting(tx: AsyncSession, now: datetime) -> bool:
    """One page of the orders that have waited for another stage. An order that is being tried just now is locked and
    looked at again afterwards; one that was charged has no row any more. False when nothing was to be said."""
    due = select(WaitingOrder).where(WaitingOrder.remind_at <= now).order_by(WaitingOrder.remind_at).limit(AT_ONCE)
    rows = list(await tx.scalars(due.with_for_update(skip_locked=True)))
    await read_all(tx, Account, {row.account_id for row in rows})
    await read_all(tx, Division, {row.division_id for row in rows})
    for row in rows:
        division = await known(tx, Division, row.division_id)
        _say(tx, row, row.remind(now), await the(tx, Account, row.account_id), division, now)
    return bool(rows)


def _say(
    tx: AsyncSession, row: WaitingOrder, days: int, account: Account, division: Division | None, now: datetime
) -> None:
    def money(amount: int | None) -> Money | None:
        return None if amount is None else Money(amount=amount, currency=account.currency)

    announce(
        tx,
        OrderStillWaiting(
            occurred_at=now, account_id=row.account_id, order=OrderRef(source=row.source, id=row.id),
            request_id=row.request_id or None, division_id=row.division_id, days=days,
            waiting_since=row.since, reason=row.reason, message=row.message, acts=actor(row.reason),
            total=money(row.total), shortfall=money(row.shortfall), account_name=account.legal_name or account.name,
            recipients=tuple(account.emails_for(division)),
        ),
    )  # fmt: skip
