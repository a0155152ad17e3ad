from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.billing.models import ExchangeRate, SellingEntity, TaxRule
from services.billing.rules import RateRow, SellerRow, TaxRow

KEYS: dict[Any, tuple[Any, tuple[str, ...]]] = {
    SellerRow: (SellingEntity, ("number",)),
    TaxRow: (TaxRule, ("seller_country", "buyer_country", "vat_number_known")),
    RateRow: (ExchangeRate, ("currency", "to_currency")),
}


async def past(tx: AsyncSession, kind: Any, day: date, before: int | None, limit: int) -> Sequence[Any]:
    """Rows that another of the same key has followed by the day, the last added first."""
    model, key = KEYS[kind]
    newer = aliased(model)
    follows = exists().where(
        *(_same(getattr(newer, name), getattr(model, name)) for name in key),
        newer.valid_from > model.valid_from,
        newer.valid_from <= day,
    )
    query = select(model).where(follows, model.id < before if before else true())
    return (await tx.scalars(query.order_by(model.id.desc()).limit(limit))).all()


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    """An index serves `=` and not `IS NOT DISTINCT FROM`."""
    found: ColumnElement[bool] = one.is_not_distinct_from(other) if one.property.columns[0].nullable else one == other
    return found
