"""Reads of invoices and credit notes, each scoped by who asks: a document is never found by its number alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import CreditNote, Document, Invoice, Line, Order, Receivable, TaxGroup
from services.billing.queries.filters import CREDITED, month_invoice_of, own_of_order
from services.billing.rules import Standing
from shared.access import SERVICE, Caller
from shared.errors import Denied, NotFound

FINANCE = ("administrator", "finance_manager", "manager", "operator")
BOUGHT = ("standard_user", "limited_user")
ORDER_KEYS = (100, 101)  # keys for orders: of finance they see the balance alone


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


OF_NOTES = select(func.coalesce(func.sum(CreditNote.total), 0)).where(CreditNote.invoice_id == Invoice.id)
STANDING = (
    # A receivable keeps the sums; what was charged to the funds has none, is paid, and has few notes.
    func.coalesce(Receivable.credited + Receivable.returned, OF_NOTES.scalar_subquery()).label("credited"),
    func.coalesce(Receivable.returned, OF_NOTES.scalar_subquery()).label("returned"),
    func.coalesce(Receivable.paid, Invoice.total).label("paid"),
    func.coalesce(Receivable.due, 0).label("due"),
    CREDITED.label("is_credited"),
    (Invoice.due_on < func.current_date()).label("is_late"),
)


def standing_of(row: Any) -> Standing:
    """Of a row with Invoice and STANDING."""
    return Standing(row.paid, int(row.credited), int(row.returned), row.due, row.is_credited, row.is_late)


async def invoice(tx: AsyncSession, caller: Caller, invoice_id: int) -> tuple[Invoice, Standing]:
    query = select(Invoice, *STANDING).join(Receivable, Receivable.invoice_id == Invoice.id, isouter=True)
    found = (await tx.execute(query.where(Invoice.id == invoice_id, may_see(caller, Invoice)))).first()
    if found is None:
        raise NotFound(f"There is no invoice {invoice_id} that you may see.", "not_found|invoice")
    return found.Invoice, standing_of(found)


async def of_order(tx: AsyncSession, caller: Caller, order_id: int) -> Invoice:
    """Our own order's, or if it was on account its month's; a bare order id means ours. Not those of names that were
    added to it later."""
    query = select(Invoice).where(*own_of_order(Invoice, order_id), Invoice.request_id == 0)
    found = (await tx.scalars(query.where(may_see(caller, Invoice)))).first()
    if found is None:
        months = select(Invoice).where(month_invoice_of(order_id), may_see(caller, Invoice))
        found = (await tx.scalars(months.order_by(Invoice.id).limit(1))).first()
    if found is None:
        raise NotFound(f"There is no invoice for order {order_id} yet, or you may not see it.", "not_found|invoice")
    return found


async def stored_pdf(tx: AsyncSession, kind: str, subject_id: int) -> bytes:
    query = select(Document.pdf).where(Document.kind == kind, Document.subject_id == subject_id)
    pdf = await tx.scalar(query)
    if pdf is None:
        raise NotFound("The document is being made; try again in a few seconds.", "not_found|document")
    return pdf


async def lines_of(tx: AsyncSession, invoice_id: int, after: int = 0, limit: int | None = None) -> Sequence[Line]:
    query = select(Line).where(Line.invoice_id == invoice_id, Line.position > after)
    return (await tx.scalars(query.order_by(Line.position).limit(limit))).all()


async def taxes_of(tx: AsyncSession, invoice_id: int) -> Sequence[TaxGroup]:
    query = select(TaxGroup).where(TaxGroup.invoice_id == invoice_id).order_by(TaxGroup.category, TaxGroup.rate)
    return (await tx.scalars(query)).all()


async def document_of(tx: AsyncSession, kind: str, subject_id: int) -> Any:
    columns = (Document.sha256, Document.rendered_at, Document.failure)
    return (await tx.execute(select(*columns).where(Document.kind == kind, Document.subject_id == subject_id))).first()


async def numbers_of(tx: AsyncSession, invoice_ids: Sequence[int]) -> dict[int, str]:
    rows = await tx.execute(select(Invoice.id, Invoice.number).where(Invoice.id.in_(invoice_ids)))
    return {row.id: row.number for row in rows}


async def seller_of(tx: AsyncSession, invoice_id: int) -> dict[str, Any] | None:
    """As printed on it."""
    return await tx.scalar(select(Invoice.seller).where(Invoice.id == invoice_id))
