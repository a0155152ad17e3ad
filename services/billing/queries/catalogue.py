from dataclasses import fields
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


async def catalogue(tx: AsyncSession) -> Catalogue:
    """All dated data; small, changed by hand, and kept by the process until a row is added."""
    if "catalogue" not in tx.info:
        version = tuple((await tx.execute(VERSION)).one())
        kept = tx.info["kept"]
        if kept.get("catalogue", (None, None))[0] != version:
            kept["catalogue"] = (version, await _read(tx))
        tx.info["catalogue"] = kept["catalogue"][1]
    found: Catalogue = tx.info["catalogue"]
    return found


async def _read(tx: AsyncSession) -> Catalogue:
    sellers, prices, taxes, rates = [await _rows(tx, table, row) for table, row in TABLES]
    return Catalogue(sellers, prices, taxes, rates)


async def _rows(tx: AsyncSession, table: Any, row: Any) -> list[Any]:
    names = [field.name for field in fields(row)]
    found = await tx.execute(select(*(getattr(table, name) for name in names)))
    return [row(*(tuple(value) if isinstance(value, list) else value for value in values)) for values in found]
