"""An amount-owed invoice asks for what a balance is below zero. Money that comes by another way settles what it asks
for too much, so that no debt is ever asked for twice."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Allocation, Funds, Purse, Receipt, Receivable
from shared.db import append, at_end, locked
from shared.events.base import Money
from shared.events.billing import InvoicePaid
from shared.ids import new_id
from shared.outbox import announce


def bring(tx: AsyncSession, purse: Purse, amount: int, now: datetime) -> Receipt:
    """Change the funds of a division; where they were below zero, what was asked for them may be too much then."""
    receipt = purse.change(amount)
    if amount > 0 and receipt.balance_after < amount:
        watch_debt(tx, purse.division_id, now)
    return receipt


def watch_debt(tx: AsyncSession, funds_division_id: int, now: datetime) -> None:
    tx.info.setdefault("debts", {})[funds_division_id] = now
    at_end(tx, _settle_excess)


async def _settle_excess(tx: AsyncSession) -> None:
    debts: dict[int, datetime] = tx.info["debts"]
    asking: dict[int, list[Receivable]] = {}
    for row in await asked_for(tx, debts):
        asking.setdefault(row.funds_division_id or 0, []).append(row)
    for division_id, rows in asking.items():
        funds = await locked(tx, Funds, division_id)
        _settle(tx, rows, sum(row.due for row in rows) - max(0, -funds.balance), debts[division_id])


async def asked_for(tx: AsyncSession, funds_division_ids: Iterable[int]) -> list[Receivable]:
    """Open amount-owed invoices over the debts of these funds, locked, the oldest due first."""
    of_these = Receivable.funds_division_id.in_(sorted(funds_division_ids))
    query = select(Receivable).where(of_these, Receivable.is_open, Receivable.kind == "amount_owed")
    query = query.order_by(Receivable.due_on, Receivable.invoice_id).with_for_update()
    return list(await tx.scalars(query))


def _settle(tx: AsyncSession, rows: list[Receivable], excess: int, now: datetime) -> None:
    for row in rows:
        if (part := min(row.due, excess)) > 0:
            excess -= part
            row.take(part, now.date())
            append(tx, Allocation, id=new_id(), payment_id=None, invoice_id=row.invoice_id, amount=part, at=now,
                   journal_id=None)  # fmt: skip
            say_paid(tx, row, now, None)


def say_paid(tx: AsyncSession, invoice: Receivable, now: datetime, cause: str | None) -> None:
    """Where nothing is due any more."""
    if invoice.due:
        return
    announce(
        tx,
        InvoicePaid(
            occurred_at=now, account_id=invoice.account_id, causation_id=cause, invoice_id=invoice.invoice_id,
            number=invoice.number, kind=invoice.kind, division_id=invoice.division_id,
            total=Money(amount=invoice.total, currency=invoice.currency), paid_at=now,
        ),
    )  # fmt: skip
