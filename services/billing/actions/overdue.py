from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Receivable
from shared.events.base import Money
from shared.events.billing import InvoiceOverdue
from shared.outbox import announce

AT_ONCE = 200


async def announce_overdue(tx: AsyncSession, now: datetime) -> bool:
    """One page of what was due before today (UTC) and is not paid. False when nothing was to be said."""
    late = select(Receivable).where(
        Receivable.due_on < now.date(),
        Receivable.overdue_at.is_(None),
        Receivable.is_open,
    )
    rows = list(await tx.scalars(late.order_by(Receivable.due_on).limit(AT_ONCE).with_for_update(skip_locked=True)))
    for row in rows:
        row.overdue_at = now
        _say(tx, row, now)
    return bool(rows)


def _say(tx: AsyncSession, row: Receivable, now: datetime) -> None:
    announce(
        tx,
        InvoiceOverdue(
            occurred_at=now, account_id=row.account_id, invoice_id=row.invoice_id, number=row.number, kind=row.kind,
            division_id=row.division_id, amount_due=Money(amount=row.due, currency=row.currency), due_on=row.due_on,
        ),
    )  # fmt: skip
