"""What settled an invoice, the oldest first: money that came for it, money that went back, and other money that made
it ask for less."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Allocation, Invoice, Payment, Receivable
from services.billing.rules import FROM_FUNDS, isolated


@dataclass(frozen=True)
class Settling:
    """`amount` is negative where money went back. `payment_id` leads to the payment's page; none where there is no
    payment."""

    at: datetime | None  # not known of what was paid in an older system
    what: str
    method: str
    reference: str  # of whoever paid, where it was told, else ours
    amount: int
    payment_id: int | None = None
    payment_reference: str | None = None
    reason: str | None = None  # why it went back


async def settlings(tx: AsyncSession, invoice: Invoice, most: int) -> list[Settling]:
    """The latest `most`. One that asks for nothing was charged to the funds when it was issued."""
    receivable = await tx.get(Receivable, invoice.id)
    if receivable is None:
        return [_charge(invoice)]
    query = select(Allocation, Payment).join(Payment, Payment.id == Allocation.payment_id, isouter=True)
    query = query.where(Allocation.invoice_id == invoice.id).order_by(Allocation.id.desc()).limit(most)
    rows: Sequence[Any] = (await tx.execute(query)).all()
    return [*_before(receivable), *(_settling(*row) for row in reversed(rows))][-most:]


def _charge(invoice: Invoice) -> Settling:
    receipt = f"Receipt {invoice.receipt_id}" if invoice.receipt_id else ""
    return Settling(invoice.issued_at, "Charged to account funds", FROM_FUNDS, receipt, invoice.total)


def _before(receivable: Receivable) -> list[Settling]:
    paid = receivable.paid_before
    return [Settling(None, "Paid before, in an older system", "", "", paid)] if paid else []


def _settling(part: Allocation, payment: Payment | None) -> Settling:
    if payment is None:
        return Settling(part.at, "Settled by other money that came to the account", FROM_FUNDS, "", part.amount)
    what = "Payment from account funds" if payment.method == FROM_FUNDS else "Payment"
    why = payment.reversal_reason if part.amount < 0 else None
    return Settling(
        part.at, f"{what} reversed: {isolated(why)}" if why else what, payment.method,
        payment.bank_reference or payment.reference, part.amount, payment.id, payment.reference, why,
    )  # fmt: skip
