from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Journal, OnAccount, OrderKey, Owed, Posting, Receipt
from services.billing.rules import entry_type
from shared.db import append
from shared.ids import new_id

Entry = tuple[str, int, Receipt | None]  # ledger, amount, place in the funds' history


def post(
    tx: AsyncSession, account_id: int, kind: str, text: str, currency: str, entries: Iterable[Entry], now: datetime,
    order: OrderKey | tuple[None, None] = (None, None), subject_id: int | None = None, method: str | None = None,
) -> UUID:  # fmt: skip
    """One journal entry; its postings sum to zero, or the database refuses them all. What changed funds has its posting
    even where it is 0, for the places in their history are 1..n. `method`: of the payment behind it."""
    journal_id = new_id()
    append(
        tx, Journal, id=journal_id, account_id=account_id, at=now, kind=kind, text=text, order_source=order[0],
        order_id=order[1], subject_id=subject_id,
    )  # fmt: skip
    for line, (ledger, amount, receipt) in enumerate((e for e in entries if e[1] or e[2]), 1):
        append(
            tx, Posting, journal_id=journal_id, line=line, ledger=ledger, amount=amount, currency=currency,
            division_id=int(ledger.removeprefix("funds:")) if receipt else None,
            seq=receipt.seq if receipt else None, balance_after=receipt.balance_after if receipt else None,
            type=entry_type(kind, amount, method) if receipt else None,
        )  # fmt: skip
    return journal_id


def note_owed(
    tx: AsyncSession, owed: Owed, kind: str, text: str, currency: str, journal_id: UUID, now: datetime, owner_id: int,
    *, invoice_id: int | None = None, credit_note_id: int | None = None, payment_id: int | None = None,
    usage_id: int | None = None,
) -> None:  # fmt: skip
    """Its place in the history of what the division owes on credit."""
    append(
        tx, OnAccount, division_id=owed.division_id, seq=owed.seq, at=now, kind=kind, owner_id=owner_id,
        accrued=owed.accrued, invoiced=owed.invoiced, accrued_after=owed.accrued_after,
        invoiced_after=owed.invoiced_after, invoiced_seq=owed.invoiced_seq, currency=currency, text=text,
        invoice_id=invoice_id, credit_note_id=credit_note_id, payment_id=payment_id, usage_id=usage_id,
        journal_id=journal_id,
    )  # fmt: skip
