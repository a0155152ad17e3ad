"""Announcing a payment changes nothing. Locks: funds, invoices, payments."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with
from services.billing.actions.choosing import choose_invoices
from services.billing.models import Account, Payment, PaymentItem
from services.billing.rules import refuse_unbookable
from shared.db import lock_all, locked
from shared.events.base import Money

VALID_FOR = timedelta(days=30)


async def announce_payment(
    tx: AsyncSession, account_id: int, division_id: int, wanted: Mapping[int, int], expected_total: Money, method: str,
    who: str, now: datetime,
) -> Payment:  # fmt: skip
    """It replaces what was announced before for the same invoices."""
    account, _ = await account_with(tx, account_id, division_id)
    chosen = await choose_invoices(tx, account, division_id, wanted, expected_total)
    await replace_announced(tx, wanted, now)
    payment = await _new(tx, account, division_id, "invoices", expected_total, method, who, now)
    for one in chosen:  # never more than the customer saw, whatever becomes due until it is settled
        part = min(wanted[one.invoice_id], one.due)
        tx.add(PaymentItem(payment_id=payment.id, invoice_id=one.invoice_id, amount=part))
    return payment


async def announce_deposit(
    tx: AsyncSession, account_id: int, division_id: int, amount: Money, method: str, who: str, now: datetime
) -> Payment:
    account, _ = await account_with(tx, account_id, division_id)
    refuse_unbookable(amount.amount, amount.currency, account.currency)
    return await _new(tx, account, division_id, "deposit", amount, method, who, now)


async def _new(
    tx: AsyncSession, account: Account, division_id: int, purpose: str, amount: Money, method: str, who: str,
    now: datetime,
) -> Payment:  # fmt: skip
    payment = Payment(
        account_id=account.id, division_id=division_id, purpose=purpose, amount=amount.amount,
        currency=amount.currency, method=method, created_at=now, created_by=who, expires_at=now + VALID_FOR,
    )  # fmt: skip
    tx.add(payment)
    await tx.flush()
    return payment


async def replace_announced(tx: AsyncSession, wanted: Mapping[int, int], now: datetime) -> None:
    query = select(PaymentItem.payment_id).where(PaymentItem.invoice_id.in_(list(wanted)))
    pending = query.join(Payment, Payment.id == PaymentItem.payment_id).where(
        Payment.settled_at.is_(None), Payment.canceled_at.is_(None)
    )
    earlier = set(await tx.scalars(pending))
    await lock_all(tx, Payment, earlier)
    for payment_id in earlier:
        payment = await locked(tx, Payment, payment_id)
        if payment.status(now) == "pending":
            payment.cancel("replaced by a newer payment for the same invoice", now)


async def cancel_payment(tx: AsyncSession, payment_id: int, who: str, now: datetime) -> Payment:
    payment = await locked(tx, Payment, payment_id)
    payment.cancel(f"canceled by {who}", now)
    return payment
