"""What a division owes on invoices over a period: the second part of a statement. Its rows are those of `on_account`
that changed what is due; what is recorded and not yet invoiced stands beside them as a figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import CreditNote, Funds, OnAccount, Receivable
from services.billing.queries.history import STORED, Paper
from services.billing.queries.periods import OF_OWED, OPEN_BETWEEN, days_between, places
from services.billing.rules import Age, aging, reference_of
from shared.access import Caller

NOTHING: Any = literal_column("0")  # as the index has it
TYPES = {
    "invoice": "Invoice",
    "payment": "Payment",
    "reversal": "Reversal",
    "credit_note": "Credit Note",
    "moved": "Funds Joined",
}


@dataclass(frozen=True)
class Edge:
    """How it stood after a place; nothing was owed before the first."""

    seq: int = 0
    at: datetime | None = None
    row: int = 0  # rows up to it
    due: int = 0
    accrued: int = 0


@dataclass(frozen=True)
class InvoicesOnAccount:
    funds: Funds
    opening: Edge
    closing: Edge

    @property
    def count(self) -> int:
        return self.closing.row - self.opening.row

    @property
    def is_idle(self) -> bool:
        """Nothing is owed on credit, and nothing was."""
        figures = (self.count, self.opening.due, self.opening.accrued, self.closing.due, self.closing.accrued)
        return not any(figures)


async def invoices_on_account(tx: AsyncSession, funds: Funds, start: datetime, end: datetime) -> InvoicesOnAccount:
    first, last = await places(tx, OF_OWED, funds.division_id, funds.owed_seq, [start, end])
    query = select(
        OnAccount.seq, OnAccount.at, OnAccount.invoiced_seq, OnAccount.invoiced_after, OnAccount.accrued_after
    ).where(OnAccount.division_id == funds.division_id, OnAccount.seq.in_([first, last]))
    found = {row.seq: Edge(*row) for row in await tx.execute(query)}
    return InvoicesOnAccount(funds, found.get(first, Edge()), found.get(last, Edge()))


@dataclass(frozen=True, slots=True)
class Due:
    """A change of what is due on an invoice."""

    seq: int
    at: datetime
    type: str
    text: str
    amount: int
    due_after: int
    due_on: date | None  # of an invoice, when it comes
    paper: Paper | None
    invoice: tuple[int, str] | None

    @property
    def is_debit(self) -> bool:
        """As seen by whoever has to pay: more is due."""
        return self.amount > 0


ROWS: Any = (
    select(
        OnAccount.invoiced_seq.label("seq"), OnAccount.at, OnAccount.kind, OnAccount.text, OnAccount.owner_id,
        OnAccount.invoiced.label("amount"), OnAccount.invoiced_after.label("due_after"), OnAccount.invoice_id,
        OnAccount.payment_id, Receivable.number, Receivable.due_on, CreditNote.id.label("credit_note_id"),
        CreditNote.number.label("credit_note_number"), STORED.label("credit_note_stored"),
    )
    .outerjoin(Receivable, Receivable.invoice_id == OnAccount.invoice_id)
    .outerjoin(CreditNote, CreditNote.id == OnAccount.credit_note_id)
    .where(OnAccount.invoiced != NOTHING)
)  # fmt: skip


async def rows_of(tx: AsyncSession, caller: Caller, of: InvoicesOnAccount, skip: int, limit: int) -> list[Due]:
    """An offset is a place: the last page costs what the first one does."""
    query = ROWS.where(
        OnAccount.division_id == of.funds.division_id, OnAccount.invoiced_seq > of.opening.row + skip,
        OnAccount.invoiced_seq <= of.closing.row,
    )  # fmt: skip
    rows = await tx.execute(query.order_by(OnAccount.invoiced_seq).limit(limit))
    return [_as_seen(row, caller) for row in rows]


def _as_seen(row: Row[Any], caller: Caller) -> Due:
    """Divisions that share funds see each sum, else nothing would add up; what it was for they see of their own."""
    seen = caller.may_see_division(row.owner_id)
    return Due(
        seq=row.seq, at=row.at, type=TYPES[row.kind],
        text=row.text if seen else "Of another division that shares these funds", amount=row.amount,
        due_after=row.due_after, due_on=row.due_on if row.kind == "invoice" else None,
        paper=_paper(row) if seen else None,
        invoice=(row.invoice_id, row.number) if seen and row.invoice_id else None,
    )  # fmt: skip


def _paper(row: Row[Any]) -> Paper | None:
    if row.credit_note_id:
        stored = row.credit_note_stored
        return Paper("credit_note", row.credit_note_id, row.credit_note_number, row.invoice_id, stored)
    if row.payment_id:
        return Paper("payment", row.payment_id, reference_of(row.payment_id))
    return Paper("invoice", row.invoice_id, row.number) if row.invoice_id else None


async def totals(tx: AsyncSession, of: InvoicesOnAccount) -> tuple[int, int]:
    """By how much what is due rose, and by how much it fell."""
    rose, amount = OnAccount.invoiced > 0, func.sum(OnAccount.invoiced)
    query = select(func.coalesce(amount.filter(rose), 0), func.coalesce(-amount.filter(~rose), 0)).where(
        OnAccount.division_id == of.funds.division_id, OnAccount.invoiced_seq > of.opening.row,
        OnAccount.invoiced_seq <= of.closing.row, OnAccount.invoiced != NOTHING,
    )  # fmt: skip
    debit, credit = (await tx.execute(query)).one()
    return int(debit), int(credit)


# Only what was open at that place is looked at, however many invoices there were before and since.
OPEN = text(f"""
SELECT r.due_on, CAST(sum(o.due) AS bigint) AS due FROM receivable AS r CROSS JOIN LATERAL (
  SELECT sum(invoiced) AS due FROM on_account
  WHERE invoice_id = r.invoice_id AND division_id = :division AND seq <= :place
) AS o WHERE r.kind = 'usage' AND {OPEN_BETWEEN} AND o.due <> 0 GROUP BY r.due_on ORDER BY r.due_on
""")  # noqa: S608


async def due_by_day(tx: AsyncSession, of: InvoicesOnAccount) -> Sequence[tuple[date, int]]:
    """What was due at the end of the period, by due date."""
    if of.closing.at is None:
        return []
    values = {"division": of.funds.division_id, "account": of.funds.account_id, "place": of.closing.seq}
    values |= days_between(of.closing.at.date(), of.closing.at.date())
    return [(row.due_on, row.due) for row in await tx.execute(OPEN, values)]


async def aged(tx: AsyncSession, of: InvoicesOnAccount, day: date) -> list[tuple[Age, int]]:
    return aging(await due_by_day(tx, of), day)
