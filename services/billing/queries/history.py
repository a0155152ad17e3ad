"""The history of funds: every posting of them with its journal entry, and the document behind it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Charge, CreditNote, Division, Document, Journal, Payment, Posting
from services.billing.queries.finance import may_read_finance
from services.billing.rules import reference_of
from shared.access import Caller
from shared.errors import NotFound

OF_PAYMENTS = ("deposit", "invoices")  # kinds of entries whose subject is a payment
OPENING = "opening"  # imported: what a division had or owed in an older system


@dataclass(frozen=True, slots=True)
class Paper:
    """What a person is led to: an invoice, a credit note (once its copy is stored), or a payment."""

    kind: str
    id: int
    number: str
    invoice_id: int | None = None
    is_ready: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    seq: int
    at: datetime
    division_id: int
    division: str
    currency: str
    amount: int
    balance_after: int
    kind: str
    type: str
    text: str
    order_source: str | None
    order_id: int | None
    request_id: int | None  # by which the names that were charged had been added to the order
    receipt_id: int | None
    paper: Paper | None

    @property
    def is_debit(self) -> bool:
        """What costs nothing was charged all the same."""
        return self.amount < 0 or self.kind == "charge"

    @property
    def is_imported(self) -> bool:
        return self.kind == OPENING


IS_CHARGE = Journal.kind == "charge"
IS_OPENING = Journal.kind == OPENING
RECEIPT: Any = func.coalesce(Charge.id, Payment.receipt_id)
OWNER: Any = func.coalesce(
    Charge.division_id, CreditNote.division_id, Payment.division_id, case((IS_OPENING, Journal.subject_id)),
    Posting.division_id,
)  # fmt: skip
STORED = exists().where(
    Document.kind == "credit_note", Document.subject_id == CreditNote.id, Document.sha256.is_not(None)
)
ENTRIES: Any = (
    select(
        Posting.id, Posting.seq, Posting.amount, Posting.balance_after, Posting.currency, Posting.division_id,
        Division.name.label("division"), Journal.at, Journal.kind, Journal.text, Journal.order_source,
        Journal.order_id, Posting.type, RECEIPT.label("receipt_id"), OWNER.label("owner_id"),
        Charge.request_id, Charge.invoice_id.label("charged_invoice_id"),
        Charge.invoice_number.label("charged_invoice_number"), CreditNote.id.label("credit_note_id"),
        CreditNote.number.label("credit_note_number"), CreditNote.invoice_id.label("credited_invoice_id"),
        STORED.label("credit_note_stored"), Payment.id.label("payment_id"),
    )
    .join(Journal, Journal.id == Posting.journal_id)
    .join(Division, Division.id == Posting.division_id)
    .outerjoin(Charge, and_(IS_CHARGE, Charge.id == Journal.subject_id))
    .outerjoin(CreditNote, and_(Journal.kind == "credit", CreditNote.id == Journal.subject_id))
    .outerjoin(Payment, and_(Journal.kind.in_(OF_PAYMENTS), Payment.id == Journal.subject_id))
)  # fmt: skip


async def run(
    tx: AsyncSession, caller: Caller, division_id: int, after: int, until: int, limit: int, newest_first: bool = False
) -> list[Entry]:
    """Places `after` < seq <= `until` of these funds; of those the first, or the last, `limit`."""
    query = ENTRIES.where(Posting.division_id == division_id, Posting.seq > after, Posting.seq <= until)
    query = query.order_by(Posting.seq.desc() if newest_first else Posting.seq).limit(limit)
    return [as_seen(row, caller) for row in await tx.execute(query)]


async def adjustment(tx: AsyncSession, caller: Caller, adjustment_id: int) -> Entry:
    may_read_finance(caller)
    query = ENTRIES.where(Posting.id == adjustment_id, Posting.division_id.is_not(None))
    if not caller.is_operator:
        query = query.where(Journal.account_id == caller.account_id)
    if caller.divisions:
        query = query.where(or_(Posting.division_id.in_(caller.divisions), OWNER.in_(caller.divisions)))
    row = (await tx.execute(query)).first()
    if row is None:
        raise NotFound(f"There is no adjustment {adjustment_id} that you may see.", "not_found|adjustment")
    return as_seen(row, caller)


def as_seen(row: Row[Any], caller: Caller) -> Entry:
    """Divisions that share funds see each sum, else nothing would add up; whose order it was they see of their own."""
    seen = caller.may_see_division(row.owner_id)
    return Entry(
        id=row.id, seq=row.seq, at=row.at, division_id=row.division_id, division=row.division, currency=row.currency,
        amount=row.amount, balance_after=row.balance_after, kind=row.kind, type=row.type,
        text=row.text if seen else "Of another division that shares these funds",
        order_source=row.order_source if seen else None, order_id=row.order_id if seen else None,
        request_id=row.request_id if seen else None, receipt_id=row.receipt_id if seen else None,
        paper=_paper(row) if seen else None,
    )  # fmt: skip


def _paper(row: Row[Any]) -> Paper | None:
    if row.charged_invoice_id:
        return Paper("invoice", row.charged_invoice_id, row.charged_invoice_number)
    if row.credit_note_id:
        stored = row.credit_note_stored
        return Paper("credit_note", row.credit_note_id, row.credit_note_number, row.credited_invoice_id, stored)
    return Paper("payment", row.payment_id, reference_of(row.payment_id)) if row.payment_id else None
