"""What staff keep with the day from which it counts. Rows are added, never changed: documents stand on them."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, TypeVar


class Dated(Protocol):
    """Of the rows with one key, the one valid from the latest day up to a day counts on that day."""

    @property
    def valid_from(self) -> date: ...

    @property
    def key(self) -> Hashable: ...

    @property
    def called(self) -> str: ...


D = TypeVar("D", bound=Dated)


def on_day(rows: Iterable[D], day: date) -> D | None:
    return max((row for row in rows if row.valid_from <= day), key=lambda row: row.valid_from, default=None)


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

    @property
    def key(self) -> Hashable:
        return self.number

    @property
    def called(self) -> str:
        return f"Selling entity {self.number}"

    @property
    def prefixes(self) -> dict[str, str]:
        return {"invoice": self.invoice_prefix, "credit note": self.credit_note_prefix, "request": self.request_prefix}


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
    account_id: int | None = None  # none: for every account that has no price of its own

    @property
    def key(self) -> Hashable:
        return (self.account_id, self.product_name_id, self.years, self.currency)

    @property
    def called(self) -> str:
        whose = f" for account {self.account_id}" if self.account_id else ""
        return f"The price of {self.product_name_id} over {term(self.years)} in {self.currency}{whose}"


def term(years: int) -> str:
    return f"{years} year{'s' if years > 1 else ''}"


@dataclass(frozen=True)
class TaxRow:
    seller_country: str
    buyer_country: str
    vat_number_known: bool | None
    category: str
    rate: Decimal
    sentence: str | None
    valid_from: date

    @property
    def key(self) -> Hashable:
        return (self.seller_country, self.buyer_country, self.vat_number_known)

    @property
    def called(self) -> str:
        known = {None: "", True: " with VAT number", False: " without VAT number"}[self.vat_number_known]
        return f"The tax rule for a seller in {self.seller_country} and a buyer in {self.buyer_country}{known}"


@dataclass(frozen=True)
class RateRow:
    currency: str
    to_currency: str
    rate: Decimal
    valid_from: date

    @property
    def key(self) -> Hashable:
        return (self.currency, self.to_currency)

    @property
    def called(self) -> str:
        return f"The exchange rate from {self.currency} to {self.to_currency}"
