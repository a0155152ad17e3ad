from dataclasses import fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import models
from services.billing.rules import Catalogue, PriceRow, RateRow, SellerRow, TaxRow

TABLES: tuple[tuple[Any, Any], ...] = (
    (models.SellingEntity, SellerRow),
    (models.Price, PriceRow),
    (models.TaxRule, TaxRow),
    (models.ExchangeRate, RateRow),
)


async def catalogue(tx: AsyncSession) -> Catalogue:
    """All dated data; small, changed by hand, and read once per transaction."""
    if "catalogue" not in tx.info:
        sellers, prices, taxes, rates = [await _rows(tx, table, row) for table, row in TABLES]
        tx.info["catalogue"] = Catalogue(sellers, prices, taxes, rates)
    kept: Catalogue = tx.info["catalogue"]
    return kept


async def _rows(tx: AsyncSession, table: Any, row: Any) -> list[Any]:
    names = [field.name for field in fields(row)]
    found = await tx.execute(select(*(getattr(table, name) for name in names)))
    return [row(*(tuple(value) if isinstance(value, list) else value for value in values)) for values in found]
