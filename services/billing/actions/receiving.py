"""Money that has come is allocated, and what is left becomes funds. Locks: funds, payments, invoices."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with, funds_of
from services.billing.actions.allocating import allocate_received
from services.billing.actions.choosing import MOST_INVOICES
from services.billing.models import NEXT_RECEIPT, Account, Payment, PaymentItem, Receivable
from services.billing.rules import reference_of, references_in, refuse_unbookable
from shared.db import known, locked, locked_or_none, the
from shared.errors import NotFound, Rejected
from shared.events.base import Money
from shared.events.billing import PaymentSettled
from shared.outbox import announce


async def deposit_funds(
    tx: AsyncSession, account_id: int, division_id: int, amount: Money, method: str, bank_reference: str, who: str,
    now: datetime, cause: str | None = None,
) -> int:  # fmt: skip
    """Money that has arrived becomes funds. Raises NotFound for an unknown division, Rejected for another currency, an
    amount that cannot be booked, and for a reference that was booked before with the same method: it counts once."""
    account, _ = await account_with(tx, account_id, division_id)
    refuse_unbookable(amount.amount, amount.currency, account.currency)
    payment = await arrived(tx, account, division_id, "deposit", amount, method, bank_reference, who, now)
    await allocate(tx, account, payment, {}, now, cause)
    return payment.id


async def settle_payment(
    tx: AsyncSession, payment_id: int, received: Money, bank_reference: str, who: str, now: datetime,
    cause: str | None = None,
) -> Payment:  # fmt: skip
    """What was announced has come, or more, or less: the oldest due is paid first, and what is left becomes funds. Told
    again with the same reference and amount it changes nothing."""
    told = await payment_to_change(tx, payment_id)
    account = await the(tx, Account, told.account_id)
    refuse_unbookable(received.amount, received.currency, account.currency)
    await funds_of(tx, account)
    payment = await locked(tx, Payment, payment_id)
    if payment.was_settled_with(received.amount, bank_reference):
        return payment
    payment.refuse_ended("settled", now)
    await _refuse_booked(tx, account.id, payment.method, bank_reference)
    payment.settle(received.amount, bank_reference, who, now)
    query = select(PaymentItem.invoice_id, PaymentItem.amount).where(PaymentItem.payment_id == payment_id)
    items = {row.invoice_id: row.amount for row in await tx.execute(query)}
    await allocate(tx, account, payment, items, now, cause)
    return payment


async def record_payment(
    tx: AsyncSession, account_id: int, received: Money, method: str, text: str, bank_reference: str, who: str,
    now: datetime, cause: str | None = None,
) -> int:  # fmt: skip
    """What a bank reports. It settles the pending payment that the payer named; other money is for what the account
    owes, the oldest due first."""
    account = await known(tx, Account, account_id)
    if account is None or account.top_division_id is None:
        raise NotFound(f"There is no account {account_id}; check its id.", "not_found|account")
    refuse_unbookable(received.amount, received.currency, account.currency)
    await funds_of(tx, account)
    if named := await _pending_in(tx, account_id, text, now):
        await settle_payment(tx, named, received, bank_reference, who, now, cause)
        return named
    division_id = account.top_division_id
    payment = await arrived(tx, account, division_id, "invoices", received, method, bank_reference, who, now)
    await allocate(tx, account, payment, await _all_due(tx, account_id), now, cause)
    return payment.id


async def _pending_in(tx: AsyncSession, account_id: int, text: str, now: datetime) -> int | None:
    for payment_id in references_in(text):
        payment = await locked_or_none(tx, Payment, payment_id)
        if payment and payment.account_id == account_id and payment.status(now) == "pending":
            return payment_id
    return None


async def receive_payment(
    tx: AsyncSession, account_id: int, division_id: int, received: Money, invoice_ids: Collection[int], method: str,
    bank_reference: str, who: str, now: datetime, cause: str | None = None,
) -> int:  # fmt: skip
    """Money that nobody announced, for these invoices; where none is named, for all that the account owes, or with
    separate funds the division. What is left becomes funds of the division."""
    account, _ = await account_with(tx, account_id, division_id)
    refuse_unbookable(received.amount, received.currency, account.currency)
    top = await funds_of(tx, account)
    payment = await arrived(tx, account, division_id, "invoices", received, method, bank_reference, who, now)
    due = dict.fromkeys(invoice_ids, received.amount)
    due = due or await _all_due(tx, account_id, division_id if top.separate else None)
    await allocate(tx, account, payment, due, now, cause)
    return payment.id


async def _all_due(tx: AsyncSession, account_id: int, division_id: int | None = None) -> dict[int, int]:
    query = select(Receivable).where(Receivable.account_id == account_id, Receivable.is_open)
    if division_id is not None:
        query = query.where(Receivable.division_id == division_id)
    rows = await tx.scalars(query.order_by(Receivable.due_on, Receivable.invoice_id).limit(MOST_INVOICES))
    return {row.invoice_id: row.due for row in rows}


async def arrived(
    tx: AsyncSession, account: Account, division_id: int, purpose: str, amount: Money, method: str,
    bank_reference: str | None, who: str, now: datetime,
) -> Payment:  # fmt: skip
    """A payment that nobody announced."""
    await funds_of(tx, account)
    values = {
        "account_id": account.id, "division_id": division_id, "purpose": purpose,
        "amount": amount.amount, "currency": amount.currency, "method": method, "bank_reference": bank_reference,
        "created_at": now, "created_by": who, "received": amount.amount,
        "settled_at": now, "settled_by": who, "receipt_id": NEXT_RECEIPT,
    }  # fmt: skip
    added = insert(Payment).values(values).on_conflict_do_nothing().returning(Payment.id)
    payment_id = (await tx.execute(added)).scalar_one_or_none()
    if payment_id is None and bank_reference is not None:
        await _refuse_booked(tx, account.id, method, bank_reference)
    return Payment(id=payment_id, **values)


async def _refuse_booked(tx: AsyncSession, account_id: int, method: str, bank_reference: str) -> None:
    same = (Payment.account_id == account_id, Payment.method == method, Payment.bank_reference == bank_reference)
    if known_as := (await tx.scalars(select(Payment.id).where(*same))).first():
        raise Rejected(
            f"The reference {bank_reference!r} was booked before as payment {reference_of(known_as)}; one transfer "
            "counts once. Give another reference if this is other money.",
            "duplicate_reference",
        )


async def allocate(
    tx: AsyncSession, account: Account, payment: Payment, items: Mapping[int, int], now: datetime, cause: str | None
) -> None:
    await allocate_received(tx, account, payment, items, now, cause)
    amount = Money(amount=payment.received or 0, currency=payment.currency)
    announce(
        tx,
        PaymentSettled(
            occurred_at=now, account_id=account.id, causation_id=cause, payment_id=payment.id,
            division_id=payment.division_id, amount=amount, method=payment.method,
            reference=payment.bank_reference or payment.reference, settled_at=now,
        ),
    )  # fmt: skip


async def payment_to_change(tx: AsyncSession, payment_id: int) -> Payment:
    payment = await known(tx, Payment, payment_id)
    if payment is None:
        raise NotFound(f"There is no payment {payment_id}; check its id.", "not_found|payment")
    return payment
