"""What an order costs: the one pricing function of estimate and charge."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any

from services.billing.rules.catalogue import Catalogue, Missing
from services.billing.rules.dated import PriceRow, SellerRow, term
from services.billing.rules.direction import isolated
from services.billing.rules.money import decimals, half_up

HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Wanted:
    """An order as pricing sees it. A term in days costs what the next full year costs."""

    account_id: int
    product_name_id: str
    years: int | None
    days: int | None
    names: tuple[str, ...]
    currency: str
    buyer_country: str | None
    buyer_complete: bool
    vat_number: str | None

    @property
    def priced_years(self) -> int:
        return self.years or ceil((self.days or 1) / 365)


@dataclass(frozen=True)
class QuotedLine:
    description: str
    detail: tuple[str, ...]
    quantity: int
    unit_price: int

    @property
    def net(self) -> int:
        return self.quantity * self.unit_price


@dataclass(frozen=True)
class QuotedTax:
    category: str
    rate: Decimal
    net: int
    tax: int
    sentence: str | None
    accounting_currency: str | None
    accounting_tax: int | None
    exchange_rate: Decimal | None


@dataclass(frozen=True)
class Quote:
    seller: SellerRow
    currency: str
    lines: tuple[QuotedLine, ...]
    group: QuotedTax
    on: date  # whose price list counts

    @property
    def net(self) -> int:
        return self.group.net

    @property
    def tax(self) -> int:
        return self.group.tax

    @property
    def total(self) -> int:
        return self.group.net + self.group.tax

    def as_json(self) -> dict[str, Any]:
        """What stays fixed while an order waits; the seller is found again by number and day."""
        group = self.group
        return {
            "seller": self.seller.number,
            "currency": self.currency,
            "on": self.on.isoformat(),
            "lines": [[line.description, list(line.detail), line.quantity, line.unit_price] for line in self.lines],
            "group": [
                group.category, str(group.rate), group.net, group.tax, group.sentence, group.accounting_currency,
                group.accounting_tax, None if group.exchange_rate is None else str(group.exchange_rate),
            ],
        }  # fmt: skip

    @staticmethod
    def from_json(kept: dict[str, Any], seller: SellerRow) -> "Quote":
        category, rate, net, tax, sentence, currency, accounting_tax, exchange = kept["group"]
        group = QuotedTax(
            category,
            Decimal(rate),
            net,
            tax,
            sentence,
            currency,
            accounting_tax,
            Decimal(exchange) if exchange else None,
        )
        lines = tuple(QuotedLine(text, tuple(detail), n, price) for text, detail, n, price in kept["lines"])
        return Quote(seller, kept["currency"], lines, group, date.fromisoformat(kept["on"]))


def make_quote(catalogue: Catalogue, wanted: Wanted, on: date) -> Quote | Missing:
    return quote_lines(catalogue, wanted, priced_lines(catalogue, wanted, on), on)


def quote_lines(
    catalogue: Catalogue, wanted: Wanted, lines: tuple[QuotedLine, ...] | Missing, on: date
) -> Quote | Missing:
    """Who sells it, with which VAT."""
    if wanted.buyer_country is None or not wanted.buyer_complete:
        return Missing(
            "billing_details",
            "The account has no complete billing address (name, street, city, country), and an invoice needs one; "
            "give it as the billing contact, and the order is charged by itself.",
        )
    seller = catalogue.seller(wanted.buyer_country, wanted.currency, on)
    if isinstance(lines, Missing):
        return lines
    if isinstance(seller, Missing):
        return seller
    rule = catalogue.tax(seller, wanted.buyer_country, bool(wanted.vat_number), on)
    if isinstance(rule, Missing):
        return rule
    net = sum(line.net for line in lines)
    group = tax_group(catalogue, seller, rule.category, rule.rate, rule.sentence, net, wanted.currency, on)
    return group if isinstance(group, Missing) else Quote(seller, wanted.currency, lines, group, on)


def priced_lines(catalogue: Catalogue, wanted: Wanted, on: date) -> tuple[QuotedLine, ...] | Missing:
    price = price_for(catalogue, wanted, on)
    return price if isinstance(price, Missing) else _lines(price, wanted)


def price_for(catalogue: Catalogue, wanted: Wanted, on: date) -> PriceRow | Missing:
    return catalogue.price(wanted.product_name_id, wanted.priced_years, wanted.currency, on, wanted.account_id)


def _lines(price: PriceRow, wanted: Wanted) -> tuple[QuotedLine, ...]:
    """The base price includes the first names as ordered; each further one has its price."""
    span = f"{wanted.days} days" if wanted.days else term(wanted.priced_years)
    included, further = wanted.names[: price.included_names], wanted.names[price.included_names :]
    plain, wild = wild_apart(further)
    lines = [QuotedLine(f"{isolated(price.description)}, {span}", included, 1, price.base)]
    if plain:
        lines.append(QuotedLine("Additional name", plain, len(plain), price.extra_name))
    if wild:
        lines.append(QuotedLine("Additional wildcard name", wild, len(wild), price.extra_wildcard))
    return tuple(lines)


def wild_apart(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    wild = tuple(name for name in names if name.startswith("*."))
    return tuple(name for name in names if not name.startswith("*.")), wild


def vat_ledger(entity_id: int, category: str, rate: Decimal) -> str:
    return f"vat:{entity_id}:{category}:{rate.normalize():f}"


def tax_group(
    catalogue: Catalogue, seller: SellerRow, category: str, rate: Decimal, sentence: str | None, net: int,
    currency: str, on: date,
) -> QuotedTax | Missing:  # fmt: skip
    """Half up, once for the sum. VAT is stated in the seller's currency too (EN 16931 BT-111)."""
    tax = half_up(net * rate / HUNDRED)
    if currency == seller.currency or not tax:
        return QuotedTax(category, rate, net, tax, sentence, None, None, None)
    exchange = catalogue.rate(currency, seller.currency, on)
    if isinstance(exchange, Missing):
        return exchange
    stated = half_up((tax * exchange.rate).scaleb(decimals(seller.currency) - decimals(currency)))
    return QuotedTax(category, rate, net, tax, sentence, seller.currency, stated, exchange.rate)
