from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import own_funds
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Division
from services.billing.rules.contact import ContactIn
from shared.audit import note
from shared.db import locked, the


async def set_billing_contact(
    tx: AsyncSession, account_id: int, division_id: int | None, contact: ContactIn | None, who: str, now: datetime
) -> None:
    """Of a division, or without one of every division that has none of its own; None takes it away. The lock of the
    funds comes first: an order that waits for billing details has either seen them or is tried again."""
    await own_funds(tx, await the(tx, Account, account_id))
    row: Account | Division = await locked(tx, *((Division, division_id) if division_id else (Account, account_id)))
    before, after = row.billing_contact, contact.stored() if contact else None
    if before == after:
        return
    row.billing_contact = after
    subject = f"container/{division_id}" if division_id else f"account/{account_id}"
    note(tx, who, "billing contact changed", subject, before, after, now)
    ask_retry(tx, account_id)
