"""The list of orders. First the ids of a page are found, by an index alone where there is one, then what is shown of
them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, true, union
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.models import CertificateOrder
from services.orders.queries.order_counts import kept_count
from services.orders.queries.order_filters import conditions, found_by, order_of, visible
from services.orders.queries.orders import Row, rows
from shared.access import Caller
from shared.db import plan_for_values
from shared.listing import Listing

MOST_COUNTED = 1000  # of what a page's search finds


async def listed(tx: AsyncSession, caller: Caller, listing: Listing) -> tuple[Sequence[Row], int]:
    """A page of orders by offset, and how many there are in all."""
    return await _found(tx, caller, listing, None, None)


async def page_of(tx: AsyncSession, caller: Caller, listing: Listing, before: int | None) -> tuple[Sequence[Row], int]:
    """The newest first; `before` is the last order of the page before this one."""
    return await _found(tx, caller, listing, before, MOST_COUNTED)


async def _found(
    tx: AsyncSession, caller: Caller, listing: Listing, before: int | None, most: int | None
) -> tuple[Sequence[Row], int]:
    where = and_(visible(caller), *conditions(caller, listing))
    ways = [and_(where, way) for way in found_by(caller, listing)]
    if listing.filters:
        await plan_for_values(tx)
    page = _ids([and_(way, CertificateOrder.id < before if before else true()) for way in ways], listing)
    found = await tx.execute(rows().where(CertificateOrder.id.in_(page)).order_by(*order_of(listing)))
    kept = kept_count(caller, listing)
    total = await tx.scalar(_counted(ways, most) if kept is None else kept)
    return [Row(*row) for row in found], int(total or 0)


def _ids(ways: Sequence[ColumnElement[bool]], listing: Listing) -> Any:
    """Of each way as many as may be on the page, then of all of these the page."""
    order, until = list(order_of(listing)), listing.offset + listing.limit
    ids = [select(CertificateOrder.id).where(way).order_by(*order) for way in ways]
    if len(ids) == 1:
        return ids[0].limit(listing.limit).offset(listing.offset)
    found = union(*(way.limit(until) for way in ids))
    among = select(CertificateOrder.id).where(CertificateOrder.id.in_(found))
    return among.order_by(*order).limit(listing.limit).offset(listing.offset)


def _counted(ways: Sequence[ColumnElement[bool]], most: int | None) -> Any:
    ids = [select(CertificateOrder.id).where(way).limit(most) for way in ways]
    one = ids[0] if len(ids) == 1 else union(*ids).limit(most)
    return select(func.count()).select_from(one.subquery())
