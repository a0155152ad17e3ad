from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.orders.models import AppUser, Division


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


async def user_by_email(tx: AsyncSession, email: str) -> AppUser | None:
    user: AppUser | None = await tx.scalar(select(AppUser).where(func.lower(AppUser.email) == email.strip().lower()))
    return user


def _kept(tx: AsyncSession) -> dict[int, Division | None]:
    kept: dict[int, Division | None] = tx.info.setdefault("divisions", {})
    return kept
