"""Money that bounced. Locks: funds, payments, invoices."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of
from services.billing.actions.allocating import take_back
from services.billing.actions.receiving import payment_to_change
from services.billing.models import Account, Payment
from shared.db import locked, the
from shared.errors import Rejected
from shared.events.base import Money
from shared.events.billing import PaymentReversed
from shared.outbox import announce


async def reverse_payment(
    tx: AsyncSession, payment_id: int, reason: str | None, who: str, now: datetime, cause: str | None = None
) -> Payment:
    """It bounced: its invoices are due again, and the funds give back what it brought, past the limit where needed."""
    told = await payment_to_change(tx, payment_id)
    account = await the(tx, Account, told.account_id)
    if not (said := (reason or "").strip()):
        raise Rejected("A payment is reversed with a reason; it stands in the history of the account.")
    await funds_of(tx, account)
    payment = await locked(tx, Payment, payment_id)
    payment.reverse(said, who, now)
    await take_back(tx, account, payment, now)
    amount = Money(amount=payment.received or 0, currency=payment.currency)
    announce(
        tx,
        PaymentReversed(
            occurred_at=now, account_id=account.id, causation_id=cause, payment_id=payment.id,
            division_id=payment.division_id, amount=amount, reason=said,
        ),
    )  # fmt: skip
    return payment
