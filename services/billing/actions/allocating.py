"""Where the money of a payment goes, and how it comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import lock_purses, purse_of
from services.billing.actions.book import Entry, note_owed, post
from services.billing.actions.debts import bring, say_paid, watch_debt
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Allocation, Journal, Payment, Posting, Purse, Receivable
from services.billing.rules import FROM_FUNDS, isolated
from shared.db import append, lock_all, locked
from shared.ids import new_id


@dataclass
class _Booking:
    tx: AsyncSession
    account: Account
    payment: Payment
    now: datetime
    cause: str | None


async def allocate_received(
    tx: AsyncSession, account: Account, payment: Payment, items: Mapping[int, int], now: datetime, cause: str | None
) -> None:
    """`items`: invoice id → at most so much for it. Paying a payment request brings its amount to the funds."""
    booking, rest = _Booking(tx, account, payment, now, cause), payment.received or 0
    await lock_all(tx, Receivable, items)
    invoices = [await locked(tx, Receivable, key) for key in items]
    await lock_purses(tx, account, {one.money_of for one in invoices} | {payment.division_id})
    for invoice in sorted(invoices, key=lambda one: (one.due_on, one.invoice_id)):
        amount = min(items[invoice.invoice_id], invoice.due, rest)
        if amount > 0:
            rest -= amount
            await _pay(booking, invoice, amount)
    if rest:
        word = "Deposit" if payment.purpose == "deposit" else "Rest of payment"
        _fund(
            booking,
            await purse_of(tx, account, payment.division_id),
            rest,
            f"{word}, {isolated(payment.bank_reference or '')}",
        )
    ask_retry(tx, account.id)


async def _pay(booking: _Booking, invoice: Receivable, amount: int) -> None:
    invoice.take(amount, booking.now.date())
    purse, text = await _purse_for(booking, invoice), f"Payment for invoice {invoice.number}"
    if invoice.extends_credit:
        journal_id = _settle_credit(booking, purse, invoice, amount, text, "payment")
    else:
        journal_id = _fund(booking, purse, amount, text)
    _allocate(booking, invoice.invoice_id, amount, journal_id)
    say_paid(booking.tx, invoice, booking.now, booking.cause)


async def _purse_for(booking: _Booking, invoice: Receivable) -> Purse:
    return await purse_of(booking.tx, booking.account, invoice.money_of)


def _fund(booking: _Booking, purse: Purse, amount: int, text: str) -> UUID:
    receipt = bring(booking.tx, purse, amount, booking.now)
    entries = [(f"clearing:{booking.payment.method}", -amount, None), (f"funds:{purse.division_id}", amount, receipt)]
    return _post(booking, text, entries)


def _settle_credit(booking: _Booking, purse: Purse, invoice: Receivable, amount: int, text: str, kind: str) -> UUID:
    """What was owed on credit is owed no more; paid from the funds, both fall alike."""
    payment = booking.payment
    if payment.method == FROM_FUNDS:
        origin: Entry = (f"funds:{purse.division_id}", -amount, bring(booking.tx, purse, -amount, booking.now))
    else:
        origin = (f"clearing:{payment.method}", -amount, None)
    journal_id = _post(booking, text, [origin, (f"receivable:{purse.division_id}", amount, None)])
    note_owed(
        booking.tx, purse.owe(invoiced=-amount), kind, text, payment.currency, journal_id, booking.now,
        invoice.division_id, invoice_id=invoice.invoice_id, payment_id=payment.id,
    )  # fmt: skip
    return journal_id


def _post(booking: _Booking, text: str, entries: list[Entry]) -> UUID:
    payment = booking.payment
    return post(
        booking.tx, booking.account.id, payment.purpose, text, payment.currency, entries, booking.now,
        subject_id=payment.id, method=payment.method,
    )  # fmt: skip


def _allocate(booking: _Booking, invoice_id: int, amount: int, journal_id: UUID) -> None:
    append(
        booking.tx, Allocation, id=new_id(), payment_id=booking.payment.id, invoice_id=invoice_id, amount=amount,
        at=booking.now, journal_id=journal_id,
    )  # fmt: skip


async def take_back(tx: AsyncSession, account: Account, payment: Payment, now: datetime) -> None:
    """What was booked is booked once more with the opposite amounts, in the funds that had it."""
    booking, had = _Booking(tx, account, payment, now, None), await _funded(tx, payment)
    paid = list(await tx.scalars(select(Allocation).where(Allocation.payment_id == payment.id)))
    await lock_all(tx, Receivable, [part.invoice_id for part in paid])
    invoices = {part.invoice_id: await locked(tx, Receivable, part.invoice_id) for part in paid}
    await lock_purses(tx, account, {place for place, _ in had.values()} | {i.money_of for i in invoices.values()})
    for part in paid:
        place, _ = had.pop(part.journal_id, (0, 0)) if part.journal_id else (0, 0)
        await _reopen(booking, invoices[part.invoice_id], part.amount, place)
    for place, amount in had.values():
        purse = await purse_of(tx, account, place)
        _fund(booking, purse, -amount, f"Payment {payment.reference} reversed")


async def _reopen(booking: _Booking, invoice: Receivable, amount: int, place: int) -> None:
    returned = invoice.give_back(amount, booking.now.date())
    text = f"Payment {booking.payment.reference} for invoice {invoice.number} reversed"
    if invoice.extends_credit:
        purse = await _purse_for(booking, invoice)
        journal_id = _settle_credit(booking, purse, invoice, -amount, text, "reversal")
        _ask_back(booking, purse, invoice, returned)
    else:
        purse = await purse_of(booking.tx, booking.account, place)
        journal_id = _fund(booking, purse, -amount, text)
        watch_debt(booking.tx, invoice.money_of, booking.now)
    _allocate(booking, invoice.invoice_id, -amount, journal_id)


def _ask_back(booking: _Booking, purse: Purse, invoice: Receivable, amount: int) -> None:
    """What credit notes had returned of the money that bounced counts against what the invoice asks for instead."""
    if not amount:
        return
    text = f"Returned before for invoice {invoice.number}, whose payment {booking.payment.reference} bounced"
    entries: list[Entry] = [
        (f"funds:{purse.division_id}", -amount, bring(booking.tx, purse, -amount, booking.now)),
        (f"receivable:{purse.division_id}", amount, None),
    ]
    note_owed(
        booking.tx, purse.owe(invoiced=-amount), "credit_note", text, booking.payment.currency,
        _post(booking, text, entries), booking.now, invoice.division_id, invoice_id=invoice.invoice_id,
    )  # fmt: skip


async def _funded(tx: AsyncSession, payment: Payment) -> dict[UUID, tuple[int, int]]:
    """Journal entry → the funds that the payment changed with it, and by how much."""
    query = select(Journal.id, Posting.division_id, Posting.amount).join(Posting, Posting.journal_id == Journal.id)
    query = query.where(
        Journal.account_id == payment.account_id, Journal.at == payment.settled_at, Journal.subject_id == payment.id,
        Journal.kind == payment.purpose, Posting.division_id.is_not(None),
    )  # fmt: skip
    return {row.id: (row.division_id, row.amount) for row in await tx.execute(query)}
