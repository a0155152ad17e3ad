"""What dies when: validations that serve domains today, by the day on which each ends (dcv-rules 15)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, DateTime, and_, bindparam, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Account, Division, Domain, Validation
from services.validation.queries.access import scope
from services.validation.queries.filters import usable_ages
from services.validation.rules.methods import METHODS
from services.validation.rules.policy import Policy
from services.validation.rules.proofs import Proof, as_proof
from services.validation.rules.wave import HORIZON, bounds, day_of
from shared.access import Caller
from shared.db import Database, plan_for_values

CHUNK = 1_000
SERVES = and_(
    Validation.account_id == Domain.account_id,
    Validation.adn == Domain.current_adn,
    Validation.method == Domain.current_method,
)


@dataclass(frozen=True)
class Deaths:
    """`pending`: those of them that are being validated anew already."""

    day: date
    division_id: int | None
    division: str
    account: str
    count: int
    pending: int


@dataclass(frozen=True)
class Dying:
    domain: Domain
    division: str
    proof: Proof


async def deaths(
    tx: AsyncSession, caller: Caller, policy: Policy, now: datetime, only: ColumnElement[bool] | None = None
) -> list[Deaths]:
    """By day and division; PostgreSQL counts, by limits that `rules.reuse` gives it."""
    await plan_for_values(tx)
    found: dict[tuple[date, int | None, int], list[int]] = {}
    for section, since in usable_ages(policy, now).items():
        for row in await tx.execute(_counted(caller, policy, section, since, now, only)):
            if row.bucket <= HORIZON:
                sums = found.setdefault((day_of(row.bucket, now.date()), row.division_id, row.account_id), [0, 0])
                sums[0] += row.domains
                sums[1] += row.waiting
    return await _named(tx, found)


def _counted(
    caller: Caller, policy: Policy, section: str, since: datetime, now: datetime, only: ColumnElement[bool] | None
) -> Any:
    limits = bindparam(None, bounds(METHODS[section], now.date(), policy.lead), ARRAY(DateTime(timezone=True)))
    bucket = func.width_bucket(Validation.observed_at, limits).label("bucket")
    counts = (func.count().label("domains"), func.count(Domain.pending_id).label("waiting"))
    query = select(Domain.account_id, Domain.division_id, bucket, *counts).join(Validation, SERVES)
    return query.where(*_serving(caller, policy, section, since, only)).group_by(
        Domain.account_id, Domain.division_id, bucket
    )


def _serving(
    caller: Caller, policy: Policy, section: str, since: datetime, only: ColumnElement[bool] | None
) -> tuple[ColumnElement[bool], ...]:
    return (
        scope(caller),
        true() if only is None else only,
        Domain.deactivated_at.is_(None),
        Domain.current_method == section,
        Validation.method == section,
        Validation.observed_at >= since,
        Validation.withdrawn_at.is_(None),
        true() if policy.test_mode else Validation.test_mode.is_(False),
    )


async def _named(tx: AsyncSession, found: dict[tuple[date, int | None, int], list[int]]) -> list[Deaths]:
    divisions = await _names(tx, Division, {division for _, division, _ in found})
    accounts = await _names(tx, Account, {account for *_, account in found})
    rows = [
        Deaths(day, division, divisions.get(division, ""), accounts.get(account, str(account)), *sums)
        for (day, division, account), sums in found.items()
    ]
    return sorted(rows, key=lambda row: (row.day, row.account, row.division, row.division_id or 0))


async def _names(tx: AsyncSession, model: Any, ids: set[Any]) -> dict[Any, str]:
    rows = await tx.execute(select(model.id, model.name).where(model.id.in_(ids - {None})))
    return {row.id: row.name for row in rows}


async def every_dying(
    db: Database, caller: Caller, policy: Policy, now: datetime, only: ColumnElement[bool] | None = None
) -> AsyncIterator[Sequence[Dying]]:
    """Each domain with its proof, for each method the soonest to end first."""
    for section, since in usable_ages(policy, now).items():
        after: tuple[datetime, int] | None = None
        while True:
            async with db.transaction() as tx:
                rows = await _page(tx, caller, policy, section, since, only, after)
                names = await _names(tx, Division, {row.Domain.division_id for row in rows})
            yield [_dying(row, names, policy) for row in rows]
            if len(rows) < CHUNK:
                break
            after = rows[-1].Validation.observed_at, rows[-1].Domain.id


async def _page(
    tx: AsyncSession, caller: Caller, policy: Policy, section: str, since: datetime,
    only: ColumnElement[bool] | None, after: tuple[datetime, int] | None,
) -> Sequence[Any]:  # fmt: skip
    place = tuple_(Validation.observed_at, Domain.id)
    query = select(Domain, Validation).join(Validation, SERVES)
    query = query.where(*_serving(caller, policy, section, since, only), place > after if after else true())
    return (await tx.execute(query.order_by(Validation.observed_at, Domain.id).limit(CHUNK))).all()


def _dying(row: Any, names: dict[Any, str], policy: Policy) -> Dying:
    proof = as_proof(row.Validation, policy)
    assert proof  # noqa: S101 - it is usable, so there is an end
    return Dying(row.Domain, names.get(row.Domain.division_id, ""), proof)
