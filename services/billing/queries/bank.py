"""Reads of bank files and their lines, which are for staff alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, BankFile, BankLine, Invoice, Payment, Receivable
from services.billing.queries.filters import number_of, one_of
from shared.errors import NotFound
from shared.listing import Listing

STATUSES: dict[str, ColumnElement[bool]] = {
    "open": and_(BankLine.payment_id.is_(None), BankLine.dismissed_at.is_(None)),
    "booked": BankLine.payment_id.is_not(None),
    "dismissed": BankLine.dismissed_at.is_not(None),
}
FILTERS = ("status", "file_id")
Key = tuple[str, str, str]


async def amounts_of(tx: AsyncSession, keys: Sequence[Key]) -> Mapping[Key, tuple[int, str]]:
    """Of (iban, kind, bank reference): what the line with it is over."""
    found: dict[Key, tuple[int, str]] = {}
    columns = (BankLine.iban, BankLine.kind, BankLine.bank_reference)
    for start in range(0, len(keys), 5_000):  # a statement takes 32,767 values
        query = select(*columns, BankLine.amount, BankLine.currency)
        for row in await tx.execute(query.where(tuple_(*columns).in_(keys[start : start + 5_000]))):
            found[row[0], row[1], row[2]] = (row.amount, row.currency)
    return found


# ── what a line may be about ─────────────────────────────────────────────────────────────────────────────────────────


async def recorded(tx: AsyncSession, line: BankLine) -> Payment | None:
    """The payment that somebody else, a feed or staff, recorded for the same transfer."""
    taken = select(BankLine.id).where(BankLine.payment_id == Payment.id, BankLine.kind == line.kind).exists()
    query = select(Payment).where(
        Payment.bank_reference == line.bank_reference, Payment.received == line.amount,
        Payment.currency == line.currency, ~taken,
    )  # fmt: skip
    return (await tx.scalars(query.order_by(Payment.id).limit(1))).first()


async def payments_by_id(tx: AsyncSession, ids: Sequence[int]) -> Sequence[Payment]:
    if not ids:
        return []
    return (await tx.scalars(select(Payment).where(Payment.id.in_(ids)).order_by(Payment.id))).all()


async def settled_payments(
    tx: AsyncSession, bank_references: Sequence[str], ids: Sequence[int], currency: str
) -> Sequence[Payment]:
    """Of those that came through a bank; what may still be reversed comes first."""
    named = or_(Payment.bank_reference.in_(bank_references), Payment.id.in_(ids))
    query = select(Payment).where(named, Payment.bank_reference.is_not(None), Payment.currency == currency)
    return (await tx.scalars(query.order_by(Payment.reversed_at.is_not(None), Payment.id).limit(20))).all()


async def receivables(tx: AsyncSession, numbers: Sequence[str]) -> Sequence[Receivable]:
    """What the invoices with these numbers still ask for."""
    if not numbers:
        return []
    query = select(Receivable).join(Invoice, Invoice.id == Receivable.invoice_id).where(Invoice.number.in_(numbers))
    return (await tx.scalars(query.order_by(Receivable.due_on, Receivable.invoice_id))).all()


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def file(tx: AsyncSession, file_id: int) -> BankFile:
    found = await tx.get(BankFile, file_id)
    if found is None:
        raise NotFound(f"There is no bank file {file_id}; check its id.", "not_found|bank_file")
    return found


async def files(tx: AsyncSession, limit: int, before: int | None = None) -> Sequence[BankFile]:
    query = select(BankFile).where(BankFile.id < before if before else true())
    return (await tx.scalars(query.order_by(BankFile.id.desc()).limit(limit))).all()


async def standing(tx: AsyncSession, file_id: int) -> dict[str, int]:
    """Of the lines that came with a file: how many are matched still, open, booked, dismissed."""
    untried = BankLine.tried_at.is_(None)
    counts = [func.count().filter(untried).label("matching")]
    counts += [func.count().filter(where, ~untried).label(name) for name, where in STATUSES.items()]
    row = (await tx.execute(select(*counts).where(BankLine.file_id == file_id))).one()
    return {name: int(value) for name, value in row._mapping.items()}


async def line(tx: AsyncSession, line_id: int) -> BankLine:
    found = await tx.get(BankLine, line_id)
    if found is None:
        raise NotFound(f"There is no bank line {line_id}; check its id.", "not_found|bank_line")
    return found


async def lines(tx: AsyncSession, listing: Listing) -> tuple[int, Sequence[BankLine]]:
    """How many fit, and a page of them, the oldest first: they are worked off in this order."""
    where = [_condition(name, value) for name, values in listing.filters.items() for value in values]
    total = await tx.scalar(select(func.count()).select_from(BankLine).where(*where)) or 0
    query = select(BankLine).where(*where).order_by(BankLine.id).limit(listing.limit).offset(listing.offset)
    return total, (await tx.scalars(query)).all()


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "status":
        return STATUSES[one_of(name, value.lower(), tuple(STATUSES))]
    return BankLine.file_id == number_of(name, value)


async def lines_after(
    tx: AsyncSession, limit: int, after: int | None, status: str = "", file_id: int | None = None
) -> Sequence[Any]:
    """A page of lines with the account of the payment that each was booked as."""
    query = select(BankLine, Payment.account_id, Account.name.label("account_name"))
    query = query.outerjoin(Payment, Payment.id == BankLine.payment_id)
    query = query.outerjoin(Account, Account.id == Payment.account_id).where(
        STATUSES[one_of("status", status, tuple(STATUSES))] if status else true(),
        BankLine.file_id == file_id if file_id else true(),
        BankLine.id > after if after else true(),
    )
    return (await tx.execute(query.order_by(BankLine.id).limit(limit))).all()
