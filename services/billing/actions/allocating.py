"""Where the money of a payment goes, and how it comes back."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of
from services.billing.actions.book import post
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Allocation, Funds, Payment, Receivable
from shared.db import append, lock_all, locked
from shared.events.base import Money
from shared.events.billing import InvoicePaid
from shared.ids import new_id
from shared.outbox import announce


async def allocate_received(
    tx: AsyncSession, account: Account, payment: Payment, items: Mapping[int, int], now: datetime, cause: str | None
) -> None:
    """`items`: invoice id → at most so much for it. Paying a payment request brings its amount to the funds."""
    funds, rest = await funds_of(tx, account), payment.received or 0
    await lock_all(tx, Receivable, items)
    invoices = [await locked(tx, Receivable, key) for key in items]
    for invoice in sorted(invoices, key=lambda one: (one.due_on, one.invoice_id)):
        amount = min(items[invoice.invoice_id], invoice.due, rest)
        if amount > 0:
            rest -= amount
            _pay(tx, funds, payment, invoice, amount, now, cause)
    if rest:
        word = "Deposit" if payment.purpose == "deposit" else "Rest of payment"
        _bring(tx, funds, payment, rest, f"{word}, {payment.bank_reference}", now)
    ask_retry(tx, account.id)


def _pay(
    tx: AsyncSession, funds: Funds, payment: Payment, invoice: Receivable, amount: int, now: datetime, cause: str | None
) -> None:
    invoice.take(amount)
    journal_id = _bring(tx, funds, payment, amount, f"Payment for invoice {invoice.number}", now)
    _allocate(tx, payment, invoice.invoice_id, amount, journal_id, now)
    if invoice.due == 0:
        _say_paid(tx, invoice, now, cause)


def _bring(tx: AsyncSession, funds: Funds, payment: Payment, amount: int, text: str, now: datetime) -> object:
    entries = [
        (f"clearing:{payment.method}", -amount, None),
        (f"funds:{funds.division_id}", amount, funds.change(amount)),
    ]
    return post(tx, funds.account_id, payment.purpose, text, payment.currency, entries, now, subject_id=payment.id)


def _allocate(
    tx: AsyncSession, payment: Payment, invoice_id: int, amount: int, journal_id: object, now: datetime
) -> None:
    append(
        tx, Allocation, id=new_id(), payment_id=payment.id, invoice_id=invoice_id, amount=amount, at=now,
        journal_id=journal_id,
    )  # fmt: skip


def _say_paid(tx: AsyncSession, invoice: Receivable, now: datetime, cause: str | None) -> None:
    announce(
        tx,
        InvoicePaid(
            occurred_at=now, account_id=invoice.account_id, causation_id=cause, invoice_id=invoice.invoice_id,
            number=invoice.number, kind=invoice.kind, division_id=invoice.division_id,
            total=Money(amount=invoice.total, currency=invoice.currency), paid_at=now,
        ),
    )  # fmt: skip


async def take_back(tx: AsyncSession, account: Account, funds: Funds, payment: Payment, now: datetime) -> None:
    paid = await _paid_by(tx, payment)
    await lock_all(tx, Receivable, paid)
    for invoice_id, amount in paid.items():
        invoice = await locked(tx, Receivable, invoice_id)
        invoice.take(-amount)
        text = f"Payment {payment.reference} for invoice {invoice.number} reversed"
        _allocate(tx, payment, invoice_id, -amount, _bring(tx, funds, payment, -amount, text, now), now)
    if rest := (payment.received or 0) - sum(paid.values()):
        _bring(tx, funds, payment, -rest, f"Payment {payment.reference} reversed", now)


async def _paid_by(tx: AsyncSession, payment: Payment) -> dict[int, int]:
    query = select(Allocation.invoice_id, func.sum(Allocation.amount)).where(Allocation.payment_id == payment.id)
    rows = await tx.execute(query.group_by(Allocation.invoice_id))
    return {invoice_id: int(amount) for invoice_id, amount in rows}
