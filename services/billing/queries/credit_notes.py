"""Credit notes, each scoped by who asks, and what lists of them may be asked for: contract 2.7 and 11."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.billing.models import Account, CreditNote, CreditNoteLine, CreditNoteTax, Document, Invoice
from services.billing.queries.documents import may_see
from services.billing.queries.filters import like, number_of
from services.billing.queries.ledger_filters import within
from services.billing.rules import is_number
from shared.access import Caller
from shared.db import plan_for_values
from shared.errors import NotFound
from shared.listing import Listing

OURS = "issuary/orders"
NUMBERS: dict[str, Any] = {
    "container_id": CreditNote.division_id,
    "account_id": CreditNote.account_id,
    "invoice_id": CreditNote.invoice_id,
}
FILTERS = ("credit_note_number", "invoice_number", "order_id", "date_issued", "search", *NUMBERS)
SORT_COLUMNS: dict[str, Any] = {
    "id": CreditNote.id,
    "credit_note_number": CreditNote.number,
    "date_issued": CreditNote.issued_at,
    "total_amount": CreditNote.total,
}
READY = exists().where(
    Document.kind == "credit_note", Document.subject_id == CreditNote.id, Document.sha256.is_not(None)
)
ROWS: Any = (
    select(CreditNote, Invoice.division_name, Account.name.label("account_name"), READY.label("document_ready"))
    .join(Invoice, Invoice.id == CreditNote.invoice_id)
    .join(Account, Account.id == CreditNote.account_id)
)


async def credit_notes(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int | None = None
) -> tuple[int, Sequence[Any]]:
    """How many fit, and one page of them: by offset for the API, by `before` (an id) for pages."""
    if listing.filters:
        await plan_for_values(tx)
    where = and_(may_see(caller, CreditNote), *_conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(CreditNote).where(where)) or 0
    query = ROWS.where(where, CreditNote.id < before if before else true()).order_by(*_order_of(listing))
    return total, (await tx.execute(query.limit(listing.limit).offset(listing.offset))).all()


async def credit_note(tx: AsyncSession, caller: Caller, note_id: int) -> Any:
    """A row with CreditNote, division_name, account_name and document_ready."""
    query = ROWS.where(CreditNote.id == note_id, may_see(caller, CreditNote))
    found = (await tx.execute(query)).first()
    if found is None:
        raise NotFound(f"There is no credit note {note_id} that you may see.", "not_found|credit_note")
    return found


async def of_order(tx: AsyncSession, caller: Caller, order_id: int) -> CreditNote:
    """The one that ended our own order, else the newest about it; a bare order id means ours."""
    query = select(CreditNote).where(
        CreditNote.order_source == OURS, CreditNote.order_id == order_id, may_see(caller, CreditNote)
    )
    ends = and_(CreditNote.ends_part, CreditNote.request_id == 0)
    found = (await tx.scalars(query.order_by(ends.desc(), CreditNote.id.desc()).limit(1))).first()
    if found is None:
        raise NotFound(
            f"There is no credit note for order {order_id} yet, or you may not see it.", "not_found|credit_note"
        )
    return found


async def of_invoice(tx: AsyncSession, invoice_id: int, limit: int) -> Sequence[Any]:
    """The newest, oldest first."""
    query = select(CreditNote, READY.label("document_ready")).where(CreditNote.invoice_id == invoice_id)
    rows = (await tx.execute(query.order_by(CreditNote.id.desc()).limit(limit))).all()
    return rows[::-1]


async def lines_of(tx: AsyncSession, note_id: int) -> Sequence[CreditNoteLine]:
    query = select(CreditNoteLine).where(CreditNoteLine.credit_note_id == note_id)
    return (await tx.scalars(query.order_by(CreditNoteLine.position))).all()


async def taxes_of(tx: AsyncSession, note_id: int) -> Sequence[CreditNoteTax]:
    query = select(CreditNoteTax).where(CreditNoteTax.credit_note_id == note_id)
    return (await tx.scalars(query.order_by(CreditNoteTax.category, CreditNoteTax.rate))).all()


async def credited_lines(tx: AsyncSession, invoice_id: int) -> dict[int, int]:
    """Net by the position of the invoice's line."""
    query = select(CreditNoteLine.line, func.sum(CreditNoteLine.net)).where(CreditNoteLine.invoice_id == invoice_id)
    return {line: int(net) for line, net in await tx.execute(query.group_by(CreditNoteLine.line))}


def _conditions(listing: Listing) -> Iterable[ColumnElement[bool]]:
    for name, values in listing.filters.items():
        yield or_(*(_condition(name, value) for value in values))


def _condition(name: str, value: str) -> ColumnElement[bool]:
    if name == "search":
        return _search(value.strip("%"))
    if name == "date_issued":
        return within(CreditNote.issued_at, name, value)
    if name == "order_id":
        return and_(CreditNote.order_source == OURS, CreditNote.order_id == number_of(name, value))
    if name == "credit_note_number":
        return like(CreditNote.number, func.upper, value)
    if name == "invoice_number":
        return CreditNote.invoice_id.in_(select(Invoice.id).where(like(Invoice.number, func.upper, value)))
    found: ColumnElement[bool] = NUMBERS[name] == number_of(name, value)
    return found


def _search(text: str) -> ColumnElement[bool]:
    """The beginning of its number or of the invoice's, or one of our order numbers: each by its own index, which an OR
    over two tables would not use."""
    beginning, one = f"{text.replace('%', '')}%", aliased(CreditNote)
    found = [
        select(one.id).where(like(one.number, func.upper, beginning)),
        select(one.id).where(one.invoice_id.in_(select(Invoice.id).where(like(Invoice.number, func.upper, beginning)))),
    ]
    if is_number(text):
        found.append(select(one.id).where(one.order_source == OURS, one.order_id == int(text)))
    return CreditNote.id.in_(union_all(*found))


def _order_of(listing: Listing) -> Iterable[Any]:
    """The newest first unless told otherwise; total in any case, so that no row is lost between pages."""
    for name, down in listing.sort:
        yield SORT_COLUMNS[name].desc() if down else SORT_COLUMNS[name].asc()
    yield CreditNote.id.desc()
