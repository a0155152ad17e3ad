from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.orders.models import CustomField, Division


async def remember_divisions(tx: AsyncSession, ids: Iterable[int]) -> None:
    """Divisions with their accounts, for reading: they are not locked, and absences are remembered too."""
    kept = _kept(tx)
    missing = sorted({key for key in ids if key not in kept})
    if not missing:
        return
    query = select(Division).where(Division.id.in_(missing)).options(joinedload(Division.account))
    with tx.no_autoflush:
        found = (await tx.scalars(query)).all()
    kept.update(dict.fromkeys(missing))
    kept.update({division.id: division for division in found})


async def division_of(tx: AsyncSession, account_id: int, division_id: int) -> Division | None:
    await remember_divisions(tx, [division_id])
    division = _kept(tx)[division_id]
    return division if division and division.account_id == account_id else None


async def top_level(tx: AsyncSession, account_id: int) -> Division | None:
    query = select(Division).where(Division.account_id == account_id, Division.parent_id.is_(None))
    division: Division | None = await tx.scalar(query.options(joinedload(Division.account)))
    return division


async def divisions_of(tx: AsyncSession, account_id: int) -> Sequence[Division]:
    """The top-level one first."""
    query = (
        select(Division)
        .options(joinedload(Division.account))
        .where(Division.account_id == account_id)
        .order_by(Division.parent_id.nulls_first(), Division.id)
    )
    return (await tx.scalars(query)).all()


async def any_division(tx: AsyncSession, division_id: int) -> Division | None:
    await remember_divisions(tx, [division_id])
    return _kept(tx)[division_id]


async def divisions_named(tx: AsyncSession, ids: Iterable[int]) -> dict[int, str]:
    rows = await tx.execute(select(Division.id, Division.name).where(Division.id.in_(list(ids))))
    return {row.id: row.name for row in rows}


async def top_levels(tx: AsyncSession, account_ids: Iterable[int]) -> dict[int, Division]:
    query = select(Division).where(Division.account_id.in_(list(account_ids)), Division.parent_id.is_(None))
    return {division.account_id: division for division in await tx.scalars(query)}


async def custom_fields_of(tx: AsyncSession, account_id: int) -> Sequence[CustomField]:
    return (
        await tx.scalars(select(CustomField).where(CustomField.account_id == account_id).order_by(CustomField.id))
    ).all()


def _kept(tx: AsyncSession) -> dict[int, Division | None]:
    kept: dict[int, Division | None] = tx.info.setdefault("divisions", {})
    return kept
