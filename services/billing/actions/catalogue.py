"""The dated data that staff keep, from a documented file (docs/catalogue.md) or a form. Rows are added, never changed:
a new price is a row with a later day."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.waiting import ask_all_unpriced
from services.billing.queries.catalogue import TABLES, lock_catalogue, look_again, newest_catalogue
from services.billing.queries.prices import currencies_of
from services.billing.rules import PriceRow, RateRow, SellerRow, TaxRow
from services.billing.rules.compare import compare, is_there, shared_prefix
from services.billing.rules.dated import Dated
from services.billing.rules.given import PriceIn, RateIn, SellerIn, TaxIn
from services.billing.rules.price_plan import account_fault
from shared.audit import note
from shared.errors import Rejected

D = TypeVar("D", bound=Dated)
MODELS: dict[Any, Any] = {row: model for model, row in TABLES}


class CatalogueFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    selling_entity: list[SellerIn] = []
    price: list[PriceIn] = []
    tax_rule: list[TaxIn] = []
    exchange_rate: list[RateIn] = []


async def load_catalogue(tx: AsyncSession, file: CatalogueFile, who: str, now: datetime) -> int:
    """Adds what is new; answers how many rows. The same file twice changes nothing; a row that differs from the one of
    the same key and day is refused, because documents may stand on it."""
    await lock_catalogue(tx)
    prices = [row.row() for row in file.price]
    await _check_accounts(tx, prices)
    added = [
        *await _add(tx, SellerRow, [row.row() for row in file.selling_entity]),
        *await _add(tx, PriceRow, prices),
        *await _add(tx, TaxRow, [row.row() for row in file.tax_rule]),
        *await _add(tx, RateRow, [row.row() for row in file.exchange_rate]),
    ]
    if added:
        await ask_all_unpriced(tx)
        note(tx, who, "catalogue loaded", "catalogue", None, {"rows": len(added)}, now)
    return len(added)


async def add_dated(tx: AsyncSession, row: SellerRow | TaxRow | RateRow, who: str, now: datetime) -> bool:
    """One row; False where it is there already."""
    await lock_catalogue(tx)
    if not await _add(tx, type(row), [row]):
        return False
    await ask_all_unpriced(tx)
    table = MODELS[type(row)].__tablename__
    note(tx, who, f"{table.replace('_', ' ')} added", table, None, _noted(row), now)
    return True


def _noted(row: Any) -> dict[str, Any]:
    plain = (str, int, tuple, dict, type(None))
    return {name: value if isinstance(value, plain) else str(value) for name, value in vars(row).items()}


async def _check_accounts(tx: AsyncSession, rows: Sequence[PriceRow]) -> None:
    currencies = await currencies_of(tx, {row.account_id for row in rows if row.account_id})
    if fault := next(filter(None, (account_fault(row, currencies) for row in rows)), None):
        raise Rejected(fault)


async def _add(tx: AsyncSession, kind: type[D], rows: Sequence[D]) -> list[D]:
    """Nobody else adds meanwhile: the catalogue is locked."""
    there = (await newest_catalogue(tx)).rows(kind)
    found = compare(there, rows)
    if found.differing:
        raise Rejected(is_there(found.differing[0]))
    if found.new and kind is SellerRow:
        _check_prefixes([*there, *found.new])
    await insert_rows(tx, found.new)
    return found.new


def _check_prefixes(sellers: Sequence[Any]) -> None:
    if prefix := shared_prefix(sellers):
        raise Rejected(f"The prefix {prefix} stands for two series of numbers; give each entity and kind its own.")


async def insert_rows(tx: AsyncSession, rows: Sequence[Dated]) -> None:
    if rows:
        values = [vars(row) for row in rows]
        await tx.execute(insert(MODELS[type(rows[0])]), values)
        look_again(tx)
