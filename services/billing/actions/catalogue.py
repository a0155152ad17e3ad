"""The dated data that staff keep, from one documented file (docs/catalogue.md). Rows are added, never changed: a new
price is a row with a later day."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.waiting import ask_all_unpriced
from services.billing.models import ExchangeRate, Price, SellingEntity, TaxRule
from services.billing.queries.catalogue import lock_catalogue
from services.billing.rules import from_text
from shared.audit import note
from shared.errors import Rejected

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,10}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Amount = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?$")]


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a misspelt word in the file must not be overlooked


class SellerIn(Row):
    number: Annotated[int, Field(ge=1, le=9)]
    valid_from: date
    name: Text
    address: Annotated[list[Text], Field(min_length=1, max_length=6)]
    country: Country
    currency: Code
    sells_to: list[Country] = []
    invoice_prefix: Prefix
    credit_note_prefix: Prefix
    request_prefix: Prefix
    vat_number: Text | None = None
    registration_number: Text | None = None
    email: Text | None = None
    iban: Text | None = None
    bic: Text | None = None
    bank: Text | None = None


class PriceIn(Row):
    product: Text
    description: Text
    years: Annotated[int, Field(ge=1, le=3)]
    currency: Code
    base: Amount
    included_names: Annotated[int, Field(ge=0, le=250)] = 1
    extra_name: Amount = "0"
    extra_wildcard: Amount = "0"
    valid_from: date


class TaxIn(Row):
    seller_country: Country
    buyer_country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$")]
    vat_number_known: bool | None = None
    category: Annotated[str, StringConstraints(pattern=r"^(S|Z|E|AE|G|O)$")]
    rate: Annotated[str, StringConstraints(pattern=r"^\d{1,2}(\.\d{1,3})?$")]
    sentence: Text | None = None
    valid_from: date


def _more_than_nothing(rate: str) -> str:
    if not Decimal(rate):
        raise ValueError("a rate is more than 0")
    return rate


class RateIn(Row):
    currency: Code
    to_currency: Code
    rate: Annotated[str, StringConstraints(pattern=r"^\d{1,9}(\.\d{1,12})?$"), AfterValidator(_more_than_nothing)]
    valid_from: date


class CatalogueFile(Row):
    selling_entity: list[SellerIn] = []
    price: list[PriceIn] = []
    tax_rule: list[TaxIn] = []
    exchange_rate: list[RateIn] = []


async def load_catalogue(tx: AsyncSession, file: CatalogueFile, who: str, now: datetime) -> int:
    """Adds what is new; answers how many rows. The same file twice changes nothing; a row that differs from the one of
    the same key and day is refused, because documents may stand on it."""
    added = 0
    await lock_catalogue(tx)
    for table, rows in _tables(file):
        for row in rows:
            added += await _add(tx, table, row)
    await _check_prefixes(tx)
    if added:
        await ask_all_unpriced(tx)
        note(tx, who, "catalogue loaded", "catalogue", None, {"rows": added}, now)
    return added


SHARED_PREFIX = text("""
SELECT prefix FROM (SELECT DISTINCT invoice_prefix AS prefix, number, 'invoice' FROM selling_entity UNION ALL
                    SELECT DISTINCT credit_note_prefix, number, 'credit note' FROM selling_entity UNION ALL
                    SELECT DISTINCT request_prefix, number, 'request' FROM selling_entity) AS p
GROUP BY prefix HAVING count(*) > 1
""")


async def _check_prefixes(tx: AsyncSession) -> None:
    """Each series counts from 1, so two with one prefix would print the same numbers."""
    if shared := await tx.scalar(SHARED_PREFIX):
        raise Rejected(f"The prefix {shared} stands for two series of numbers; give each entity and kind its own.")


def _tables(file: CatalogueFile) -> Sequence[tuple[Any, list[dict[str, Any]]]]:
    return (
        (SellingEntity, [_seller(row) for row in file.selling_entity]),
        (Price, [_price(row) for row in file.price]),
        (TaxRule, [row.model_dump() | {"rate": Decimal(row.rate)} for row in file.tax_rule]),
        (ExchangeRate, [row.model_dump() | {"rate": Decimal(row.rate)} for row in file.exchange_rate]),
    )


def _seller(row: SellerIn) -> dict[str, Any]:
    series = {"invoice_prefix", "credit_note_prefix", "request_prefix"}
    columns = {"number", "valid_from", "country", "currency", "sells_to", *series}
    return row.model_dump(include=columns) | {"printed": row.model_dump(exclude=columns)}


def _price(row: PriceIn) -> dict[str, Any]:
    amounts = {name: from_text(getattr(row, name), row.currency) for name in ("base", "extra_name", "extra_wildcard")}
    same = row.model_dump(include={"description", "years", "currency", "included_names", "valid_from"})
    return same | amounts | {"product_name_id": row.product}


async def _add(tx: AsyncSession, table: Any, row: dict[str, Any]) -> int:
    if (await tx.execute(insert(table).values(row).on_conflict_do_nothing().returning(table.id))).first():
        return 1
    same = select(table.id).where(*(getattr(table, name).is_not_distinct_from(value) for name, value in row.items()))
    if (await tx.execute(same)).first() is None:
        key = {name: str(value) for name, value in row.items() if name in ("number", "product_name_id", "currency", "valid_from", "seller_country", "buyer_country")}  # fmt: skip # noqa: E501
        raise Rejected(
            f"{table.__tablename__} {key} is there already with other values; documents may stand on it. Give the new "
            "values a later valid_from."
        )
    return 0
