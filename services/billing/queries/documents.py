"""Reads of invoices and credit notes, each scoped by who asks: a document is never found by its number alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, CreditNote, Document, Invoice, Line, Order, Receivable, TaxGroup
from services.billing.queries.filters import conditions, order_of
from services.billing.rules import Standing
from shared.access import SERVICE, Caller
from shared.errors import Denied, NotFound
from shared.listing import Listing

FINANCE = ("administrator", "finance_manager", "manager", "operator")
BOUGHT = ("standard_user", "limited_user")
ORDER_KEYS = (100, 101)  # keys for orders: of finance they see the balance alone (contract 2.2)


def may_see(caller: Caller, model: type[Invoice] | type[CreditNote]) -> ColumnElement[bool]:
    """Finance roles: their divisions' documents. Others: those of orders of their divisions, or only of their own."""
    if caller.key_role in ORDER_KEYS:
        raise Denied("This API key is for orders only; use one that may work with finances.")
    if caller.is_operator or caller.role == SERVICE:
        return true()
    scope = model.account_id == caller.account_id
    if caller.divisions:
        scope = and_(scope, model.division_id.in_(caller.divisions))
    if caller.role in FINANCE:
        return scope
    if caller.role not in BOUGHT:
        raise Denied("This role or key has no access to invoices; ask an administrator of your account.")
    own = exists().where(Order.source == model.order_source, Order.id == model.order_id)
    if caller.role == "limited_user":
        own = own.where(Order.placed_by_user == caller.user_id)
    return and_(scope, model.order_id.is_not(None), own)


async def invoices(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int | None = None
) -> tuple[int, Sequence[Any]]:
    """How many fit, and one page of them: by offset for the API, by `before` (an id) for pages."""
    where = and_(may_see(caller, Invoice), *conditions(listing))
    total = await tx.scalar(select(func.count()).select_from(Invoice).where(where)) or 0
    ready = exists().where(Document.kind == "invoice", Document.subject_id == Invoice.id, Document.sha256.is_not(None))
    query = (
        select(Invoice, Account.name.label("account_name"), ready.label("document_ready"), *STANDING)
        .join(Account, Account.id == Invoice.account_id)
        .join(Receivable, Receivable.invoice_id == Invoice.id, isouter=True)
        .where(where, Invoice.id < before if before else true())
        .order_by(*order_of(listing))
    )
    return total, (await tx.execute(query.limit(listing.limit).offset(listing.offset))).all()


STANDING = (
    func.coalesce(
        select(func.sum(CreditNote.total)).where(CreditNote.invoice_id == Invoice.id).scalar_subquery(), 0
    ).label("credited"),
    func.coalesce(Receivable.paid, Invoice.total).label("paid"),  # what was charged to the funds is paid
    func.coalesce(Receivable.total - Receivable.paid - Receivable.credited, 0).label("due"),
    (Invoice.due_on < func.current_date()).label("is_late"),
)


def standing_of(row: Any) -> Standing:
    """Of a row with Invoice and STANDING."""
    return Standing(row.Invoice.total, row.paid, int(row.credited), row.due, row.is_late)


async def invoice(tx: AsyncSession, caller: Caller, invoice_id: int) -> tuple[Invoice, Standing]:
    query = select(Invoice, *STANDING).join(Receivable, Receivable.invoice_id == Invoice.id, isouter=True)
    found = (await tx.execute(query.where(Invoice.id == invoice_id, may_see(caller, Invoice)))).first()
    if found is None:
        raise NotFound(f"There is no invoice {invoice_id} that you may see.", "not_found|invoice")
    return found.Invoice, standing_of(found)


async def credit_note(tx: AsyncSession, caller: Caller, note_id: int) -> CreditNote:
    found = (await tx.scalars(select(CreditNote).where(CreditNote.id == note_id, may_see(caller, CreditNote)))).first()
    if found is None:
        raise NotFound(f"There is no credit note {note_id} that you may see.", "not_found|credit_note")
    return found


async def of_order(tx: AsyncSession, caller: Caller, model: Any, order_id: int) -> Any:
    """Our own order's document; a bare order id means ours."""
    query = select(model).where(model.order_source == "issuary/orders", model.order_id == order_id)
    found = (await tx.scalars(query.where(may_see(caller, model)))).first()
    if found is None:
        what = "invoice" if model is Invoice else "credit note"
        raise NotFound(f"There is no {what} for order {order_id} yet, or you may not see it.", f"not_found|{what}")
    return found


async def stored_pdf(tx: AsyncSession, kind: str, subject_id: int) -> bytes:
    query = select(Document.pdf).where(Document.kind == kind, Document.subject_id == subject_id)
    pdf = await tx.scalar(query)
    if pdf is None:
        raise NotFound("The document is being made; try again in a few seconds.", "not_found|document")
    return pdf


async def lines_of(tx: AsyncSession, invoice_id: int) -> Sequence[Line]:
    return (await tx.scalars(select(Line).where(Line.invoice_id == invoice_id).order_by(Line.position))).all()


async def taxes_of(tx: AsyncSession, invoice_id: int) -> Sequence[TaxGroup]:
    query = select(TaxGroup).where(TaxGroup.invoice_id == invoice_id).order_by(TaxGroup.category, TaxGroup.rate)
    return (await tx.scalars(query)).all()


async def notes_of(tx: AsyncSession, invoice_id: int) -> Sequence[Any]:
    ready = exists().where(
        Document.kind == "credit_note", Document.subject_id == CreditNote.id, Document.sha256.is_not(None)
    )
    query = select(CreditNote, ready.label("document_ready")).where(CreditNote.invoice_id == invoice_id)
    return (await tx.execute(query.order_by(CreditNote.id))).all()


async def document_of(tx: AsyncSession, kind: str, subject_id: int) -> Any:
    columns = (Document.sha256, Document.rendered_at, Document.failure)
    return (await tx.execute(select(*columns).where(Document.kind == kind, Document.subject_id == subject_id))).first()


async def numbers_of(tx: AsyncSession, invoice_ids: Sequence[int]) -> dict[int, str]:
    rows = await tx.execute(select(Invoice.id, Invoice.number).where(Invoice.id.in_(invoice_ids)))
    return {row.id: row.number for row in rows}


async def seller_of(tx: AsyncSession, invoice_id: int) -> dict[str, Any] | None:
    """As printed on it."""
    return await tx.scalar(select(Invoice.seller).where(Invoice.id == invoice_id))
