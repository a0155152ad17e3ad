"""A series goes on from where an older system left it (`docs/migration.md`)."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import DeclaredGap, NumberCounter
from services.billing.queries.catalogue import newest_catalogue
from services.billing.rules.hidden import refuse_hidden
from shared.audit import note
from shared.db import locked
from shared.errors import Conflict, NotFound, Rejected

SERIES = ("invoice", "credit_note", "payment_request")
HIGHEST = 10**9


async def continue_series(
    tx: AsyncSession, entity_id: int, series: str, year: int, last: int, why: str, who: str, now: datetime
) -> DeclaredGap | None:
    """The next number is `last` + 1, and those in between are declared as a gap. None where it stands there already.
    Raises Conflict where higher numbers were used."""
    await _refuse(tx, entity_id, series, year, last, why, now)
    counter = await _counter(tx, entity_id, series, year)
    if counter.last > last:
        raise Conflict(
            f"Number {counter.last} of this series is used; it goes on from there or from a higher one, never lower.",
            "number_used",
        )
    if counter.last == last:
        return None
    gap = DeclaredGap(
        entity_id=entity_id, series=series, year=year, first=counter.last + 1, last=last, why=why.strip(),
        declared_at=now, declared_by=who,
    )  # fmt: skip
    tx.add(gap)
    counter.last = last
    told = {"first": gap.first, "last": gap.last, "why": gap.why}
    note(tx, who, "number series continued", f"series/{entity_id}/{series}/{year}", None, told, now)
    return gap


async def _counter(tx: AsyncSession, entity_id: int, series: str, year: int) -> NumberCounter:
    fresh = insert(NumberCounter).values(entity_id=entity_id, series=series, year=year, last=0)
    await tx.execute(fresh.on_conflict_do_nothing())
    return await locked(tx, NumberCounter, (entity_id, series, year))


async def _refuse(tx: AsyncSession, entity_id: int, series: str, year: int, last: int, why: str, now: datetime) -> None:
    if series not in SERIES:
        raise Rejected(f"There is no series {series[:40]!r}; there are {', '.join(SERIES)}.")
    if entity_id not in {row.number for row in (await newest_catalogue(tx)).sellers}:
        raise NotFound(f"There is no selling entity {entity_id}; add it first.", "not_found|selling_entity")
    if year not in (now.year, now.year + 1):
        raise Rejected(f"No number of {year} is drawn any more or yet; continue that of {now.year} or {now.year + 1}.")
    if not 0 < last <= HIGHEST:
        raise Rejected(f"The last number used is from 1 to {HIGHEST:,}; {last} is not.")
    if not why.strip() or len(why) > 255:
        raise Rejected("Say why the numbers are missing, in one line of up to 255 characters; auditors ask for it.")
    refuse_hidden("The reason", why.strip())
