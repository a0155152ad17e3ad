"""Announcing a payment changes nothing; settling it allocates what came. Locks: funds, payments, invoices."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with, funds_of
from services.billing.actions.allocating import allocate_received, take_back
from services.billing.models import NEXT_RECEIPT, Account, Payment, PaymentItem, Receivable
from services.billing.rules import printed, reference_of, references_in, refuse_unbookable
from shared.db import known, lock_all, locked, locked_or_none, the
from shared.errors import Conflict, NotFound, Rejected
from shared.events.base import Money
from shared.events.billing import PaymentReversed, PaymentSettled
from shared.outbox import announce

VALID_FOR = timedelta(days=30)
MOST_INVOICES = 500


async def announce_payment(
    tx: AsyncSession, account_id: int, division_id: int, wanted: Mapping[int, int], expected_total: Money, method: str,
    who: str, now: datetime,
) -> Payment:  # fmt: skip
    """`wanted`: invoice id → amount in minor units. It replaces what was announced before for the same invoices. Raises
    Conflict `stale_total` where less is due than the customer saw."""
    account, _ = await account_with(tx, account_id, division_id)
    refuse_unbookable(expected_total.amount, expected_total.currency, account.currency)
    await funds_of(tx, account)
    invoices = await _payable(tx, account, wanted)
    payable = sum(min(wanted[one.invoice_id], one.due) for one in invoices)
    if payable != expected_total.amount:
        raise _stale(payable, expected_total)
    await _replace(tx, wanted, now)
    payment = await _new(tx, account, division_id, "invoices", expected_total, method, who, now)
    tx.add_all(PaymentItem(payment_id=payment.id, invoice_id=key, amount=value) for key, value in wanted.items())
    return payment


def _stale(payable: int, expected: Money) -> Conflict:
    due, seen = printed(payable, expected.currency), printed(expected.amount, expected.currency)
    return Conflict(
        f"Amount due is {due} {expected.currency}, the request expected {seen} {expected.currency}. Load the invoices "
        "again and send the total that they show.",
        "stale_total",
    )


async def _payable(tx: AsyncSession, account: Account, wanted: Mapping[int, int]) -> list[Receivable]:
    if not 0 < len(wanted) <= MOST_INVOICES:
        raise Rejected(f"A payment is for 1 to {MOST_INVOICES} invoices; choose them, or pay in several payments.")
    await lock_all(tx, Receivable, wanted)
    found = [await locked_or_none(tx, Receivable, key) for key in wanted]
    for key, one in zip(wanted, found, strict=True):
        if one is None or one.account_id != account.id:
            raise NotFound(f"There is no invoice {key} to pay in this account; check its id.", "not_found|invoice")
        if wanted[key] <= 0:
            raise Rejected(f"The amount for invoice {one.number} is more than 0, or leave the invoice out.")
        if one.due == 0:
            raise Conflict(f"Invoice {one.number} is settled; leave it out.", "invoice_settled")
    return [one for one in found if one]


async def _replace(tx: AsyncSession, wanted: Mapping[int, int], now: datetime) -> None:
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


async def cancel_payment(tx: AsyncSession, payment_id: int, who: str, now: datetime) -> Payment:
    payment = await locked(tx, Payment, payment_id)
    payment.cancel(f"canceled by {who}", now)
    return payment


async def deposit_funds(
    tx: AsyncSession, account_id: int, division_id: int, amount: Money, method: str, bank_reference: str, who: str,
    now: datetime, cause: str | None = None,
) -> int:  # fmt: skip
    """Money that has arrived becomes funds. Raises NotFound for an unknown division, Rejected for another currency, an
    amount that cannot be booked, and for a reference that was booked before with the same method: it counts once."""
    account, _ = await account_with(tx, account_id, division_id)
    refuse_unbookable(amount.amount, amount.currency, account.currency)
    payment = await _arrived(tx, account, division_id, "deposit", amount, method, bank_reference, who, now)
    await _allocate(tx, account, payment, {}, now, cause)
    return payment.id


async def settle_payment(
    tx: AsyncSession, payment_id: int, received: Money, bank_reference: str, who: str, now: datetime,
    cause: str | None = None,
) -> Payment:  # fmt: skip
    """What was announced has come, or more, or less: the oldest due is paid first, and what is left becomes funds."""
    told = await _there(tx, payment_id)
    account = await the(tx, Account, told.account_id)
    refuse_unbookable(received.amount, received.currency, account.currency)
    await funds_of(tx, account)
    payment = await locked(tx, Payment, payment_id)
    await _refuse_booked(tx, account.id, payment.method, bank_reference)
    payment.settle(received.amount, bank_reference, who, now)
    query = select(PaymentItem.invoice_id, PaymentItem.amount).where(PaymentItem.payment_id == payment_id)
    items = {row.invoice_id: row.amount for row in await tx.execute(query)}
    await _allocate(tx, account, payment, items, now, cause)
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
    for payment_id in references_in(text):
        payment = await locked_or_none(tx, Payment, payment_id)
        if payment and payment.account_id == account_id and payment.status(now) == "pending":
            await settle_payment(tx, payment_id, received, bank_reference, who, now, cause)
            return payment_id
    division_id = account.top_division_id
    payment = await _arrived(tx, account, division_id, "invoices", received, method, bank_reference, who, now)
    await _allocate(tx, account, payment, await _all_due(tx, account_id), now, cause)
    return payment.id


async def _all_due(tx: AsyncSession, account_id: int) -> dict[int, int]:
    is_open = Receivable.paid + Receivable.credited < Receivable.total
    query = select(Receivable).where(Receivable.account_id == account_id, is_open)
    rows = await tx.scalars(query.order_by(Receivable.due_on, Receivable.invoice_id).limit(MOST_INVOICES))
    return {row.invoice_id: row.due for row in rows}


async def _arrived(
    tx: AsyncSession, account: Account, division_id: int, purpose: str, amount: Money, method: str,
    bank_reference: str, who: str, now: datetime,
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
    if payment_id is None:
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


async def _allocate(
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


async def reverse_payment(
    tx: AsyncSession, payment_id: int, reason: str | None, who: str, now: datetime, cause: str | None = None
) -> Payment:
    """It bounced: its invoices are due again, and the funds give back what it brought, past the limit where needed."""
    told = await _there(tx, payment_id)
    account = await the(tx, Account, told.account_id)
    if not (said := (reason or "").strip()):
        raise Rejected("A payment is reversed with a reason; it stands in the history of the account.")
    funds = await funds_of(tx, account)
    payment = await locked(tx, Payment, payment_id)
    payment.reverse(said, who, now)
    await take_back(tx, account, funds, payment, now)
    amount = Money(amount=payment.received or 0, currency=payment.currency)
    announce(
        tx,
        PaymentReversed(
            occurred_at=now, account_id=account.id, causation_id=cause, payment_id=payment.id,
            division_id=payment.division_id, amount=amount, reason=said,
        ),
    )  # fmt: skip
    return payment


async def _there(tx: AsyncSession, payment_id: int) -> Payment:
    payment = await known(tx, Payment, payment_id)
    if payment is None:
        raise NotFound(f"There is no payment {payment_id}; check its id.", "not_found|payment")
    return payment
