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


# Rows are only ever added, so the highest ids tell whether anything is new.
VERSION = select(*(select(func.max(table.id)).scalar_subquery() for table, _ in TABLES))


FRESH_FOR = 1.0  # seconds: as long may a new row go unnoticed


async def catalogue(tx: AsyncSession) -> Catalogue:
    """All dated data; small, changed by hand, and kept by the process until a row is added."""
    if "catalogue" not in tx.info:
        kept = tx.info["kept"].setdefault("catalogue", Kept())
        await kept.refresh(tx)
        tx.info["catalogue"] = kept.found
    found: Catalogue = tx.info["catalogue"]
    return found


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
