"""The list of domains: first the ids of a page, by an index, then what is shown of them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, true, union
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Domain
from services.validation.queries.access import scope
from services.validation.queries.filters import conditions, found_by, order_of
from services.validation.queries.standings import Standing, standings
from services.validation.rules.policy import Policy
from shared.access import Caller
from shared.db import Database, plan_for_values
from shared.listing import Listing

CHUNK = 1_000


async def domains(
    tx: AsyncSession, caller: Caller, policy: Policy, listing: Listing, now: datetime, before: int | None = None,
    most: int | None = None,
) -> tuple[int, list[Standing]]:  # fmt: skip
    """How many fit, and one page of them: by offset for the API, by `before` (an id) for pages. `most`: no more are
    counted."""
    ways = _ways(caller, policy, listing, now)
    if listing.filters:
        await plan_for_values(tx)
    page = _ids([and_(way, Domain.id < before if before else true()) for way in ways], listing)
    rows = await tx.scalars(select(Domain).where(Domain.id.in_(page)).order_by(*order_of(listing)))
    shown = await standings(tx, policy, rows.all(), now)
    return int(await tx.scalar(_counted(ways, most)) or 0), shown


async def every_domain(
    db: Database, caller: Caller, policy: Policy, listing: Listing, now: datetime
) -> AsyncIterator[list[Standing]]:
    """The whole list, page by page, each in a transaction of its own."""
    by_id = replace(listing, limit=CHUNK, offset=0, sort=())
    before: int | None = None
    while True:
        async with db.transaction() as tx:
            ways = _ways(caller, policy, by_id, now)
            page = _ids([and_(way, Domain.id < before if before else true()) for way in ways], by_id)
            rows = (await tx.scalars(select(Domain).where(Domain.id.in_(page)).order_by(Domain.id.desc()))).all()
            shown = await standings(tx, policy, rows, now)
        if shown:
            yield shown
        if len(shown) < CHUNK:
            return
        before = shown[-1].domain.id


def _ways(caller: Caller, policy: Policy, listing: Listing, now: datetime) -> list[ColumnElement[bool]]:
    where = and_(scope(caller), *conditions(listing, policy, now))
    return [and_(where, way) for way in found_by(listing, caller)]


def _ids(ways: Sequence[ColumnElement[bool]], listing: Listing) -> Any:
    """Of each way as many as may be on the page, then of all of these the page."""
    order, until = list(order_of(listing)), listing.offset + listing.limit
    if len(ways) == 1:
        return select(Domain.id).where(ways[0]).order_by(*order).limit(listing.limit).offset(listing.offset)
    found = union(*(select(Domain.id).where(way).order_by(*order).limit(until) for way in ways))
    among = select(Domain.id).where(Domain.id.in_(found))
    return among.order_by(*order).limit(listing.limit).offset(listing.offset)


def _counted(ways: Sequence[ColumnElement[bool]], most: int | None) -> Any:
    ids = [select(Domain.id).where(way).limit(most) for way in ways]
    one = ids[0] if len(ids) == 1 else union(*ids).limit(most)
    return select(func.count()).select_from(one.subquery())
