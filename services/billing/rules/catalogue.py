"""The dated data of one moment, and which row of it fits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.billing.rules.dated import D, PriceRow, RateRow, SellerRow, TaxRow, on_day, term
from shared.errors import Rejected


@dataclass(frozen=True)
class Missing:
    """Why an order cannot be priced: it waits with this reason, and nothing is ever charged as 0 instead."""

    reason: str
    message: str


Sold = tuple[str, int, str]  # product, years, currency


def _no_price(product: str, years: int, currency: str, on: date) -> Missing:
    return Missing(
        "price",
        f"There is no price in {currency} for {product} over {term(years)} on {on}; staff have to add it to the price "
        "list.",
    )


@dataclass(frozen=True)
class Catalogue:
    sellers: Sequence[SellerRow] = ()
    prices: Sequence[PriceRow] = ()
    taxes: Sequence[TaxRow] = ()
    rates: Sequence[RateRow] = ()
    _prices_of: dict[int | None, dict[Sold, list[PriceRow]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.prices:
            rows = self._prices_of.setdefault(row.account_id, {})
            rows.setdefault((row.product_name_id, row.years, row.currency), []).append(row)

    def rows(self, kind: type[D]) -> Sequence[D]:
        every: dict[Any, Any] = {
            SellerRow: self.sellers, PriceRow: self.prices, TaxRow: self.taxes, RateRow: self.rates
        }  # fmt: skip
        found: Sequence[D] = every[kind]
        return found

    def price(
        self, product: str, years: int, currency: str, on: date, account_id: int | None = None
    ) -> PriceRow | Missing:
        """The account's own price wins over the general one, whichever is newer."""
        found = self._latest(account_id, (product, years, currency), on) if account_id in self._prices_of else None
        return found or self._latest(None, (product, years, currency), on) or _no_price(product, years, currency, on)

    def _latest(self, account_id: int | None, sold: Sold, on: date) -> PriceRow | None:
        rows = self._prices_of.get(account_id, {}).get(sold)
        return on_day(rows, on) if rows else None

    def prices_for(self, account_id: int | None, currency: str) -> dict[Sold, list[PriceRow]]:
        """Every row that may ever decide what the account pays, by what is sold."""
        found: dict[Sold, list[PriceRow]] = {}
        for whose in (None, account_id) if account_id else (None,):
            for sold, rows in self._prices_of.get(whose, {}).items():
                if sold[2] == currency:
                    found.setdefault(sold, []).extend(rows)
        return found

    def deciding(self, row: PriceRow, on: date) -> PriceRow | None:
        """The row of the same key that counts on the day."""
        return self._latest(row.account_id, (row.product_name_id, row.years, row.currency), on)

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

    def entity(self, number: int, on: date = date.max) -> SellerRow:
        """The latest row of an entity that has issued something; raises KeyError for one that never was."""
        rows = [row for row in self.sellers if row.number == number and row.valid_from <= on]
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


def seller_for(catalogue: Catalogue, address: dict[str, Any] | None, currency: str, on: date, then: str) -> SellerRow:
    """Who asks the buyer at this address for money. Raises Rejected, with what to do `then`."""
    country = (address or {}).get("country")
    if not country:
        raise Rejected(f"The account has no billing address, and an invoice needs one; add it, then {then}.")
    seller = catalogue.seller(country, currency, on)
    if isinstance(seller, Missing):
        raise Rejected(f"{seller.message} Then {then}.")
    return seller
