"""Reads of the price list: rows for staff, and what a list that is given would change."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, any_, bindparam, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger

from services.billing.models import Account, Price, PriceUpload
from services.billing.queries.catalogue import newest_catalogue
from services.billing.rules.price_file import Words
from services.billing.rules.price_plan import PricePlan, accounts_named, plan_prices, read_rows
from shared.errors import NotFound

LISTED = (Price.product_name_id, Price.currency, Price.years, Price.id)


@dataclass(frozen=True)
class Wanted:
    """What staff look for; `after` is the last row of the page before."""

    product: str = ""
    currency: str = ""
    account_id: int | None = None
    after: int | None = None


async def prices(tx: AsyncSession, wanted: Wanted, limit: int) -> Sequence[Any]:
    query = select(Price, Account.name.label("account_name")).outerjoin(Account, Account.id == Price.account_id)
    query = query.where(*_conditions(wanted), await _after(tx, wanted.after)).order_by(*LISTED).limit(limit)
    return (await tx.execute(query)).all()


def _conditions(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    if wanted.product:
        yield Price.product_name_id == wanted.product
    if wanted.currency:
        yield Price.currency == wanted.currency.upper()
    if wanted.account_id is not None:
        yield Price.account_id == wanted.account_id


async def _after(tx: AsyncSession, row_id: int | None) -> ColumnElement[bool]:
    place = (await tx.execute(select(*LISTED).where(Price.id == row_id))).first() if row_id else None
    return tuple_(*LISTED) > tuple_(*place) if place else true()


async def currencies_of(tx: AsyncSession, account_ids: Collection[int]) -> Mapping[int, str]:
    """Of the accounts that are known."""
    if not account_ids:
        return {}
    wanted = bindparam("ids", sorted(account_ids), type_=ARRAY(BigInteger))
    rows = await tx.execute(select(Account.id, Account.currency).where(Account.id == any_(wanted)))
    return {row.id: row.currency for row in rows}


async def planned(tx: AsyncSession, given: Iterable[tuple[int, Words]], today: date) -> PricePlan:
    rows = read_rows(given)
    currencies = await currencies_of(tx, accounts_named(rows))
    return plan_prices(rows, await newest_catalogue(tx), currencies, today)


async def upload(tx: AsyncSession, upload_id: UUID) -> PriceUpload:
    found = await tx.get(PriceUpload, upload_id)
    if found is None:
        raise NotFound("There is no such price list; upload the file again.", "not_found|price_upload")
    return found


async def latest_uploads(tx: AsyncSession, limit: int) -> Sequence[Any]:
    columns = (PriceUpload.id, PriceUpload.file_name, PriceUpload.uploaded_by, PriceUpload.uploaded_at,
               PriceUpload.added_by, PriceUpload.added_at, PriceUpload.added)  # fmt: skip
    return (await tx.execute(select(*columns).order_by(PriceUpload.uploaded_at.desc()).limit(limit))).all()
