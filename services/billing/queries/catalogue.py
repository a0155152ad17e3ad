from dataclasses import dataclass, field, fields
from time import monotonic
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import models
from services.billing.rules import Catalogue, PriceRow, RateRow, SellerRow, TaxRow

TABLES: tuple[tuple[Any, Any], ...] = (
    (models.SellingEntity, SellerRow),
    (models.Price, PriceRow),
    (models.TaxRule, TaxRow),
    (models.ExchangeRate, RateRow),
)


# Rows are only ever added, so ids and counts tell whether anything is new; a higher id may be there first.
VERSION = select(
    *(select(what).scalar_subquery() for table, _ in TABLES for what in (func.max(table.id), func.count(table.id)))
)


FRESH_FOR = 1.0  # seconds: as long may a new row go unnoticed, but never by an order that waits for it
LOCK = 5_202_001  # held by who adds rows, shared by who lets an order wait for one


async def catalogue(tx: AsyncSession) -> Catalogue:
    """All dated data; small, changed by hand, and kept by the process until a row is added."""
    if "catalogue" not in tx.info:
        kept = tx.info["kept"].setdefault("catalogue", Kept())
        await kept.refresh(tx)
        tx.info["catalogue"] = kept.found
    found: Catalogue = tx.info["catalogue"]
    return found


async def newest_catalogue(tx: AsyncSession) -> Catalogue:
    """As nobody can change it before this transaction ends: what is missing here is missed by whoever adds it."""
    if not tx.info.get("newest"):
        await tx.execute(select(func.pg_advisory_xact_lock_shared(LOCK)))
        tx.info["kept"].setdefault("catalogue", Kept()).looked_at = float("-inf")
        tx.info.pop("catalogue", None)
        tx.info["newest"] = True
    return await catalogue(tx)


async def lock_catalogue(tx: AsyncSession) -> None:
    await tx.execute(select(func.pg_advisory_xact_lock(LOCK)))


def look_again(tx: AsyncSession) -> None:
    """For who has added rows: this transaction sees them, and so does the process when it looks next."""
    tx.info["kept"].setdefault("catalogue", Kept()).looked_at = float("-inf")
    for name in ("newest", "catalogue"):
        tx.info.pop(name, None)


@dataclass
class Kept:
    found: Catalogue = field(default_factory=Catalogue)
    version: tuple[int | None, ...] = ()
    looked_at: float = float("-inf")

    async def refresh(self, tx: AsyncSession) -> None:
        if monotonic() - self.looked_at < FRESH_FOR:
            return
        version = tuple((await tx.execute(VERSION)).one())
        if version != self.version:
            self.found, self.version = await _read(tx), version
        self.looked_at = monotonic()


async def _read(tx: AsyncSession) -> Catalogue:
    sellers, prices, taxes, rates = [await _rows(tx, table, row) for table, row in TABLES]
    return Catalogue(sellers, prices, taxes, rates)


async def _rows(tx: AsyncSession, table: Any, row: Any) -> list[Any]:
    names = [one.name for one in fields(row)]
    found = await tx.execute(select(*(getattr(table, name) for name in names)))
    return [row(*(tuple(value) if isinstance(value, list) else value for value in values)) for values in found]
