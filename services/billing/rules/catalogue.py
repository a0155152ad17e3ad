"""The dated data of one moment, and which row of it fits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol


class Dated(Protocol):
    @property
    def valid_from(self) -> date: ...


@dataclass(frozen=True)
class SellerRow:
    number: int
    valid_from: date
    country: str
    currency: str
    sells_to: tuple[str, ...]
    invoice_prefix: str
    credit_note_prefix: str
    request_prefix: str
    printed: dict[str, Any]


@dataclass(frozen=True)
class PriceRow:
    product_name_id: str
    description: str
    years: int
    currency: str
    base: int
    included_names: int
    extra_name: int
    extra_wildcard: int
    valid_from: date


@dataclass(frozen=True)
class TaxRow:
    seller_country: str
    buyer_country: str
    vat_number_known: bool | None
    category: str
    rate: Decimal
    sentence: str | None
    valid_from: date


@dataclass(frozen=True)
class RateRow:
    currency: str
    to_currency: str
    rate: Decimal
    valid_from: date


@dataclass(frozen=True)
class Missing:
    """Why an order cannot be priced: it waits with this reason, and nothing is ever charged as 0 instead."""

    reason: str
    message: str


@dataclass(frozen=True)
class Catalogue:
    sellers: Sequence[SellerRow] = ()
    prices: Sequence[PriceRow] = ()
    taxes: Sequence[TaxRow] = ()
    rates: Sequence[RateRow] = ()
    _price_of: dict[tuple[str, int, str], list[PriceRow]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.prices:
            self._price_of.setdefault((row.product_name_id, row.years, row.currency), []).append(row)

    def price(self, product: str, years: int, currency: str, on: date) -> PriceRow | Missing:
        rows = [row for row in self._price_of.get((product, years, currency), ()) if row.valid_from <= on]
        if not rows:
            return Missing(
                "price",
                f"There is no price in {currency} for {product} over {years} year{'s' if years > 1 else ''} on "
                f"{on}; staff have to add it to the price list.",
            )
        return max(rows, key=lambda row: row.valid_from)

    def seller(self, country: str, currency: str, on: date) -> SellerRow | Missing:
        """The entity that names the buyer's country and accounts in the order's currency, else one that sells
        everywhere."""
        valid = [row for row in self.sellers if row.valid_from <= on]
        latest = {row.number: row for row in sorted(valid, key=lambda row: row.valid_from)}.values()
        near = [row for row in latest if country in row.sells_to and row.currency == currency]
        fitting = near or [row for row in latest if not row.sells_to]
        if not fitting:
            return Missing("tax", f"No selling entity sells to {country} on {on}; staff have to add one.")
        return min(fitting, key=lambda row: row.number)

    def entity(self, number: int) -> SellerRow:
        """The latest row of an entity that has issued something; raises KeyError for one that never was."""
        rows = [row for row in self.sellers if row.number == number]
        if not rows:
            raise KeyError(number)
        return max(rows, key=lambda row: row.valid_from)

    def tax(self, seller: SellerRow, country: str, vat_known: bool, on: date) -> TaxRow | Missing:
        fitting = [
            row
            for row in self.taxes
            if row.seller_country == seller.country
            and row.buyer_country in (country, "*")
            and row.vat_number_known in (vat_known, None)
            and row.valid_from <= on
        ]
        if not fitting:
            known = "with" if vat_known else "without"
            return Missing(
                "tax",
                f"There is no tax rule for a seller in {seller.country} and a buyer in {country} {known} VAT number on "
                f"{on}; staff have to add it to the tax table.",
            )
        return max(fitting, key=_exactness)

    def rate(self, currency: str, to_currency: str, on: date) -> RateRow | Missing:
        rows = [r for r in self.rates if (r.currency, r.to_currency) == (currency, to_currency) and r.valid_from <= on]
        if not rows:
            return Missing(
                "tax",
                f"The VAT must be stated in {to_currency} too, and there is no exchange rate for {currency} on {on}; "
                "staff have to add it.",
            )
        return max(rows, key=lambda row: row.valid_from)


def _exactness(row: TaxRow) -> tuple[bool, bool, date]:
    return (row.buyer_country != "*", row.vat_number_known is not None, row.valid_from)
