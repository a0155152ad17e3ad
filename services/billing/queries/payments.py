from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Allocation, Payment, PaymentItem, Receivable
from services.billing.queries.finance import finance_scope
from shared.access import Caller
from shared.errors import NotFound


async def payment(tx: AsyncSession, caller: Caller, payment_id: int) -> Payment:
    query = select(Payment).where(Payment.id == payment_id, finance_scope(caller, Payment))
    found = (await tx.scalars(query)).first()
    if found is None:
        raise NotFound(f"There is no payment {payment_id} that you may see.", "not_found|payment")
    return found


async def invoices_of(tx: AsyncSession, caller: Caller, row: Payment) -> Sequence[Any]:
    """(invoice id, amount): what a settled payment went to, and what one was announced for; of the caller's divisions
    only."""
    model: Any = Allocation if row.settled_at else PaymentItem
    query = select(model.invoice_id, func.sum(model.amount)).where(model.payment_id == row.id)
    if caller.divisions:
        query = query.join(Receivable, Receivable.invoice_id == model.invoice_id)
        query = query.where(Receivable.division_id.in_(caller.divisions))
    return (await tx.execute(query.group_by(model.invoice_id).order_by(model.invoice_id))).all()


async def payments(
    tx: AsyncSession, caller: Caller, limit: int, before: int | None = None, account_id: int | None = None
) -> Sequence[Payment]:
    query = select(Payment).where(
        finance_scope(caller, Payment),
        Payment.id < before if before else true(),
        Payment.account_id == account_id if account_id else true(),
    )
    return (await tx.scalars(query.order_by(Payment.id.desc()).limit(limit))).all()


async def sums_due(tx: AsyncSession, account_id: int, divisions: Sequence[int] = ()) -> tuple[int, int]:
    """What is due, and what of it is overdue. `divisions`: none for all."""
    late = func.sum(Receivable.due).filter(Receivable.due_on < func.current_date())
    query = select(func.coalesce(func.sum(Receivable.due), 0), func.coalesce(late, 0))
    within = Receivable.division_id.in_(divisions) if divisions else true()
    row = (await tx.execute(query.where(Receivable.account_id == account_id, Receivable.is_open, within))).one()
    return int(row[0]), int(row[1])


async def account_names(tx: AsyncSession, account_ids: set[int]) -> dict[int, str]:
    rows = await tx.execute(select(Account.id, Account.name).where(Account.id.in_(account_ids)))
    return {row.id: row.name for row in rows}
