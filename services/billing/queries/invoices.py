"""The list of invoices. First the ids of a page are found, by an index alone where there is one, then what is shown of
them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, true, union
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Document, Invoice, Receivable
from services.billing.queries.documents import STANDING, may_see
from services.billing.queries.filters import conditions, found_by, order_of
from services.billing.queries.invoice_counts import kept_count
from shared.access import Caller
from shared.db import plan_for_values
from shared.listing import Listing

AT_ONCE = 500
READY = exists().where(Document.kind == "invoice", Document.subject_id == Invoice.id, Document.sha256.is_not(None))
ROWS: Any = (
    select(Invoice, Account.name.label("account_name"), READY.label("document_ready"), *STANDING)
    .join(Account, Account.id == Invoice.account_id)
    .join(Receivable, Receivable.invoice_id == Invoice.id, isouter=True)
)


async def invoices(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int | None = None, most: int | None = None
) -> tuple[int, Sequence[Any]]:
    """How many fit, and one page of them: by offset for the API, by `before` (an id) for pages. `most`: of what must be
    counted one by one no more are counted."""
    where = and_(may_see(caller, Invoice), *conditions(listing))
    ways = [and_(where, way) for way in found_by(listing)]
    if listing.filters:
        await plan_for_values(tx)
    page = _ids([and_(way, Invoice.id < before if before else true()) for way in ways], listing)
    rows = await tx.execute(ROWS.where(Invoice.id.in_(page)).order_by(*order_of(listing)))
    kept = kept_count(caller, listing)
    total = await tx.scalar(_counted(ways, most) if kept is None else kept)
    return int(total or 0), rows.all()


async def page_of_all(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int | None = None, size: int = AT_ONCE
) -> Sequence[Any]:
    """Of every invoice that fits, whatever page was asked for: the newest before that one."""
    where = and_(may_see(caller, Invoice), *conditions(listing), Invoice.id < before if before else true())
    if listing.filters:
        await plan_for_values(tx)
    ids = _ids([and_(where, way) for way in found_by(listing)], Listing(size))
    rows = await tx.execute(ROWS.where(Invoice.id.in_(ids)).order_by(Invoice.id.desc()))
    return rows.all()


def _ids(ways: Sequence[ColumnElement[bool]], listing: Listing) -> Any:
    """Of each way as many as may be on the page, then of all of these the page."""
    order, until = list(order_of(listing)), listing.offset + listing.limit
    if len(ways) == 1:
        return select(Invoice.id).where(ways[0]).order_by(*order).limit(listing.limit).offset(listing.offset)
    found = union(*(select(Invoice.id).where(way).order_by(*order).limit(until) for way in ways))
    among = select(Invoice.id).where(Invoice.id.in_(found))
    return among.order_by(*order).limit(listing.limit).offset(listing.offset)


def _counted(ways: Sequence[ColumnElement[bool]], most: int | None) -> Any:
    ids = [select(Invoice.id).where(way).limit(most) for way in ways]
    one = ids[0] if len(ids) == 1 else union(*ids).limit(most)
    return select(func.count()).select_from(one.subquery())
