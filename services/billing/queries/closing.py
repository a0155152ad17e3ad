"""What a month's close works on. A division has something to do where usage is unbilled, a subscription is to be
charged in advance, or its funds are below zero."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, and_, func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import (
    Account,
    Closing,
    Division,
    Journal,
    PeriodClose,
    PeriodTotal,
    Receivable,
    Subscription,
    Usage,
)
from services.billing.rules import Period, month_after, month_of

LISTED = text("""
WITH looked AS (SELECT id, account_id FROM division WHERE id > :after ORDER BY id LIMIT :most),
found AS (
  INSERT INTO closing (first_day, division_id, account_id)
  SELECT :first_day, id, account_id FROM looked AS d WHERE
    EXISTS (SELECT FROM usage AS u WHERE u.division_id = d.id AND u.invoice_id IS NULL AND u.released_at IS NULL
            AND u.recorded_at < :ended)
    OR EXISTS (SELECT FROM subscription AS s WHERE s.division_id = d.id AND s.starts_on <= :until
               AND coalesce(s.charged_until, s.starts_on - 1) < least(:until, s.ends_on))
    OR EXISTS (SELECT FROM funds AS f WHERE f.division_id = d.id AND f.balance < 0)
  ON CONFLICT DO NOTHING RETURNING division_id
)
SELECT (SELECT max(id) FROM looked) AS last, (SELECT count(*) FROM looked) AS looked,
       (SELECT count(*) FROM found) AS found
""")


async def list_divisions(tx: AsyncSession, period: Period, until: date, after: int, most: int) -> Row[Any]:
    """`last`: the last division that was looked at; `looked`, `found`: how many were, and have something to do."""
    given = {"after": after, "most": most, "first_day": period.first, "ended": period.end, "until": until}
    return (await tx.execute(LISTED, given)).one()


async def running(tx: AsyncSession) -> PeriodClose | None:
    """The oldest month that is being closed."""
    query = select(PeriodClose).where(PeriodClose.finished_at.is_(None)).order_by(PeriodClose.first_day)
    return (await tx.scalars(query.limit(1))).first()


def _is_open(first_day: date) -> Any:
    return and_(Closing.first_day == first_day, Closing.done_at.is_(None), Closing.failure.is_(None))


async def claim_open(tx: AsyncSession, first_day: date, most: int, only: int | None = None) -> Sequence[Any]:
    """(division_id, account_id) of what nobody else works on, locked."""
    query = select(Closing.division_id, Closing.account_id).where(_is_open(first_day))
    if only:
        query = query.where(Closing.division_id == only)
    query = query.order_by(Closing.division_id).limit(most).with_for_update(skip_locked=True)
    return (await tx.execute(query)).all()


async def has_open(tx: AsyncSession, first_day: date) -> bool:
    """Claimed by somebody else or not."""
    return bool(await tx.scalar(select(select(Closing.division_id).where(_is_open(first_day)).exists())))


MARK = """
UPDATE closing SET done_at = CASE WHEN m.failure IS NULL THEN $4::timestamptz END, failure = m.failure
FROM unnest($2::bigint[], $3::text[]) AS m (division_id, failure)
WHERE closing.first_day = $1 AND closing.division_id = m.division_id
"""


async def mark(tx: AsyncSession, first_day: date, results: Mapping[int, str | None], now: datetime) -> None:
    """`results`: division → why it is parked, or None where it is done."""
    given = (first_day, list(results), list(results.values()), now)
    await (await tx.connection()).exec_driver_sql(MARK, given)


COUNT = """
WITH fresh AS (
  INSERT INTO period_total AS t (first_day, kind, currency, invoices, total)
  SELECT $1, kind, currency, invoices, total
  FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS f (kind, currency, invoices, total)
  ORDER BY kind, currency
  ON CONFLICT (first_day, kind, currency) DO UPDATE
  SET invoices = t.invoices + excluded.invoices, total = t.total + excluded.total
)
UPDATE period_close SET done = done + $2 WHERE first_day = $1
"""


async def count(tx: AsyncSession, first_day: date, done: int, issued: Iterable[tuple[str, str, int, int]]) -> None:
    """`issued`: kind, currency, how many and what they come to."""
    columns = [list(column) for column in zip(*issued, strict=True)] or [[], [], [], []]
    await (await tx.connection()).exec_driver_sql(COUNT, (first_day, done, *columns))


async def unbilled(tx: AsyncSession, division_ids: Iterable[int], ended: datetime, most: int) -> Sequence[Row[Any]]:
    """Locked, the oldest first; at most one more than `most`."""
    columns = (
        Usage.id, Usage.account_id, Usage.division_id, Usage.division_name, Usage.funds_division_id, Usage.source,
        Usage.order_id, Usage.purchase_order_number, Usage.first_day, Usage.last_day, Usage.entity_id, Usage.currency,
        Usage.net, Usage.total, Usage.category, Usage.rate, Usage.quote,
    )  # fmt: skip
    query = select(*columns).where(
        Usage.division_id.in_(list(division_ids)), Usage.invoice_id.is_(None), Usage.released_at.is_(None),
        Usage.recorded_at < ended,
    )  # fmt: skip
    query = query.order_by(Usage.division_id, Usage.recorded_at, Usage.id).limit(most + 1).with_for_update()
    return (await tx.execute(query)).all()


async def to_charge(tx: AsyncSession, division_ids: Iterable[int], until: date) -> Sequence[Subscription]:
    charged: Any = func.coalesce(Subscription.charged_until, Subscription.starts_on - 1)
    query = select(Subscription).where(
        Subscription.division_id.in_(list(division_ids)),
        Subscription.starts_on <= until,
        charged < func.least(until, Subscription.ends_on),
    )
    return (await tx.scalars(query.order_by(Subscription.division_id, Subscription.id).with_for_update())).all()


async def asked_already(tx: AsyncSession, funds_division_ids: Iterable[int]) -> dict[int, int]:
    """Due on open amount-owed invoices over the debts of these funds."""
    due = func.sum(Receivable.due)
    query = select(Receivable.funds_division_id, due).where(
        Receivable.funds_division_id.in_(list(funds_division_ids)), Receivable.kind == "amount_owed",
        Receivable.is_open,
    )  # fmt: skip
    return {key: int(amount) for key, amount in await tx.execute(query.group_by(Receivable.funds_division_id)) if key}


async def last_closed(tx: AsyncSession, but: date | None = None) -> PeriodClose | None:
    query = select(PeriodClose).where(PeriodClose.first_day != but if but else true())
    return (await tx.scalars(query.order_by(PeriodClose.first_day.desc()).limit(1))).first()


async def next_month(tx: AsyncSession, last: PeriodClose | None) -> Period | None:
    """The one to be closed after `last`, or the one in which the book begins; None where nothing is booked yet."""
    if last:
        return month_after(last.first_day)
    return await first_month(tx)


async def first_month(tx: AsyncSession) -> Period | None:
    first = await first_booked(tx)
    return month_of(first.date()) if first else None


async def first_booked(tx: AsyncSession) -> datetime | None:
    """Ids of journal entries rise with time."""
    return await tx.scalar(select(Journal.at).order_by(Journal.id).limit(1))


async def periods(tx: AsyncSession, limit: int, before: date | None = None) -> Sequence[PeriodClose]:
    """The newest first."""
    query = select(PeriodClose).order_by(PeriodClose.first_day.desc()).limit(limit)
    return (await tx.scalars(query.where(PeriodClose.first_day < before) if before else query)).all()


async def parked_counts(tx: AsyncSession, first_days: Sequence[date]) -> dict[date, int]:
    query = select(Closing.first_day, func.count()).where(
        Closing.first_day.in_(first_days), Closing.failure.is_not(None)
    )
    return {row[0]: row[1] for row in await tx.execute(query.group_by(Closing.first_day))}


async def totals(tx: AsyncSession, first_days: Sequence[date]) -> dict[date, list[PeriodTotal]]:
    """What the months' invoices come to, by kind and currency."""
    query = select(PeriodTotal).where(PeriodTotal.first_day.in_(first_days))
    found: dict[date, list[PeriodTotal]] = {day: [] for day in first_days}
    for row in await tx.scalars(query.order_by(PeriodTotal.kind.desc(), PeriodTotal.currency)):
        found[row.first_day].append(row)
    return found


async def parked(tx: AsyncSession, first_day: date, after: int, limit: int) -> Sequence[Any]:
    query = (
        select(Closing.division_id, Closing.failure, Closing.account_id, Division.name.label("division"),
               Account.name.label("account"))
        .join(Division, Division.id == Closing.division_id, isouter=True)
        .join(Account, Account.id == Closing.account_id, isouter=True)
        .where(Closing.first_day == first_day, Closing.failure.is_not(None), Closing.division_id > after)
    )  # fmt: skip
    return (await tx.execute(query.order_by(Closing.division_id).limit(limit))).all()
