"""The funds of a division over a period. Places in a history are 1..n and times rise with them, so a period is a run of
places, found by looking at a few dozen rows however long the history is; earlier periods never change."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division, Funds, Posting
from services.billing.queries import history
from services.billing.queries.balance import funds_behind, visible_division
from services.billing.queries.catalogue import catalogue
from services.billing.queries.finance import may_read_finance
from services.billing.queries.history import Entry
from services.billing.queries.papers import buyer_printed
from services.billing.rules import Period, Point, SellerRow
from shared.access import Caller
from shared.db import Database
from shared.errors import NotFound

PAGE = 1000
PDF_LONGEST = 1_000
XLSX_LONGEST = 100_000
DRAWN = 300  # points of a chart


@dataclass(frozen=True)
class Statement:
    division: Division
    funds: Funds
    funds_name: str
    period: Period
    after: int  # the place before the first row
    last: int
    opening: int
    closing: int
    is_over: bool

    @property
    def count(self) -> int:
        return self.last - self.after

    @property
    def is_shared(self) -> bool:
        """The division spends the money of another one."""
        return self.funds.division_id != self.division.id


async def statement(
    tx: AsyncSession, caller: Caller, container_id: int | None, period: Period, now: datetime
) -> Statement:
    may_read_finance(caller)
    division = await visible_division(tx, caller, container_id)
    funds = await funds_behind(tx, division)
    named = await tx.get(Division, funds.division_id)
    after, last = await _places(tx, funds, [period.start, period.end])
    opening, closing = await _balances(tx, funds, after, last)
    return Statement(
        division, funds, named.name if named else "", period, after, last, opening, closing, period.is_over(now)
    )


# From the highest bit down: the last place of a time before the moment. Rows that come later never change the answer.
PLACES = text("""
WITH RECURSIVE search (moment, step, place) AS (
  SELECT m, CAST(:step AS bigint), CAST(0 AS bigint) FROM unnest(CAST(:moments AS timestamptz[])) AS m
  UNION ALL
  SELECT moment, step / 2, place + CASE WHEN EXISTS (
    SELECT FROM posting AS p JOIN journal AS j ON j.id = p.journal_id
    WHERE p.division_id = :division AND p.seq = place + step AND j.at < moment) THEN step ELSE 0 END
  FROM search WHERE step > 0
)
SELECT place FROM search WHERE step = 0 ORDER BY moment
""")


async def _places(tx: AsyncSession, funds: Funds, moments: list[datetime]) -> tuple[int, int]:
    step = 1 << funds.seq.bit_length() >> 1
    found = await tx.scalars(PLACES, {"division": funds.division_id, "step": step, "moments": moments})
    first, last = (min(place, funds.seq) for place in found)
    return first, last


async def _balances(tx: AsyncSession, funds: Funds, *places: int) -> list[int]:
    """0 before the first row."""
    query = select(Posting.seq, Posting.balance_after).where(
        Posting.division_id == funds.division_id, Posting.seq.in_(places)
    )
    found = {row.seq: row.balance_after or 0 for row in await tx.execute(query)}
    return [found.get(place, 0) for place in places]


@dataclass(frozen=True)
class Course:
    """How the balance went, in few points; and what came in and went out."""

    points: Sequence[Point]
    debit: int
    credit: int

    @property
    def lowest(self) -> int | None:
        return min((point.low for point in self.points), default=None)


COURSE = text("""
SELECT j.at, run.low, run.high, p.balance_after AS balance, run.debit, run.credit FROM (
  SELECT max(seq) AS last, min(balance_after) AS low, max(balance_after) AS high,
         coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS debit,
         coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS credit
  FROM posting WHERE division_id = :division AND seq > :after AND seq <= :last GROUP BY (seq - :after - 1) / :size
) AS run JOIN posting AS p ON p.division_id = :division AND p.seq = run.last AND p.seq > :after AND p.seq <= :last
JOIN journal AS j ON j.id = p.journal_id
ORDER BY run.last
""")


async def course(tx: AsyncSession, of: Statement) -> Course:
    size = max(1, -(-of.count // DRAWN))
    values = {"division": of.funds.division_id, "after": of.after, "last": of.last, "size": size}
    rows = (await tx.execute(COURSE, values)).all()
    points = [Point(row.at, row.low, row.high, row.balance) for row in rows]
    return Course(points, int(sum(row.debit for row in rows)), int(sum(row.credit for row in rows)))


async def rows_of(tx: AsyncSession, caller: Caller, of: Statement, skip: int, limit: int) -> list[Entry]:
    """An offset is a place: the last page costs what the first one does."""
    return await history.run(tx, caller, of.funds.division_id, of.after + skip, of.last, limit)


async def pages(db: Database, caller: Caller, of: Statement) -> AsyncIterator[list[Entry]]:
    """Every row, a page at a time, each in a transaction of its own: rows never change, so nothing is held for long."""
    for skip in range(0, of.count, PAGE):
        async with db.transaction() as tx:
            found = await rows_of(tx, caller, of, skip, PAGE)
        yield found


async def parties(tx: AsyncSession, of: Statement, now: datetime) -> tuple[Any, Any]:
    """The customer as printed, and the selling entity that serves it, if there is one."""
    account = await tx.get(Account, of.funds.account_id)
    if account is None:
        raise NotFound(f"The account of container {of.division.id} is not known here.", "not_found|container")
    given = ("name", "legal_name", "address", "vat_number", "buyer_reference")
    buyer = buyer_printed({name: getattr(account, name) for name in given})
    return buyer, await seller_printed(tx, account, now)


async def seller_printed(tx: AsyncSession, account: Account, now: datetime) -> dict[str, Any] | None:
    found = await seller_of(tx, account, now)
    return found.printed if found else None


async def seller_of(tx: AsyncSession, account: Account, now: datetime) -> SellerRow | None:
    if not account.address:
        return None
    found = (await catalogue(tx)).seller(account.address["country"], account.currency, now.date())
    return found if isinstance(found, SellerRow) else None
