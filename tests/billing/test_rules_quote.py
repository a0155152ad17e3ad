"""What an order costs, and which row of dated data decides it."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.rules import (
    Catalogue,
    Missing,
    PriceRow,
    Quote,
    RateRow,
    SellerRow,
    TaxRow,
    Wanted,
    half_up,
    make_quote,
)

DAY = date(2026, 11, 23)
LONG_AGO = date(2026, 1, 1)
ANY = "*"


def a_seller(number: int = 6, **changed: Any) -> SellerRow:
    given: dict[str, Any] = {
        "number": number, "valid_from": LONG_AGO, "country": "NL", "currency": "EUR", "sells_to": (),
        "invoice_prefix": "INV", "credit_note_prefix": "CN", "request_prefix": "PR",
        "printed": {"name": "Issuary"},
    }  # fmt: skip
    return SellerRow(**given | changed)


def a_price(base: int = 14900, **changed: Any) -> PriceRow:
    given: dict[str, Any] = {
        "product_name_id": "ssl_dv", "description": "DV", "years": 1, "currency": "EUR", "base": base,
        "included_names": 1, "extra_name": 4900, "extra_wildcard": 19900, "valid_from": LONG_AGO,
    }  # fmt: skip
    return PriceRow(**given | changed)


def a_tax(rate: str = "19", buyer: str = "DE", **changed: Any) -> TaxRow:
    given: dict[str, Any] = {
        "seller_country": "NL", "buyer_country": buyer, "vat_number_known": None, "category": "S",
        "rate": Decimal(rate), "sentence": None, "valid_from": LONG_AGO,
    }  # fmt: skip
    return TaxRow(**given | changed)


def wanted(**changed: Any) -> Wanted:
    given: dict[str, Any] = {
        "account_id": 9001, "product_name_id": "ssl_dv", "years": 1, "days": None,
        "names": ("www.acme.example",), "currency": "EUR", "buyer_country": "DE", "buyer_complete": True,
        "vat_number": None,
    }  # fmt: skip
    return Wanted(**given | changed)


def catalogue(**changed: Any) -> Catalogue:
    given: dict[str, Any] = {"sellers": [a_seller()], "prices": [a_price()], "taxes": [a_tax()], "rates": []}
    return Catalogue(**given | changed)


def quote(dated: Catalogue | None = None, on: date = DAY, **changed: Any) -> Quote:
    found = make_quote(dated or catalogue(), wanted(**changed), on)
    assert isinstance(found, Quote), found
    return found


def missing(dated: Catalogue | None = None, on: date = DAY, **changed: Any) -> Missing:
    found = make_quote(dated or catalogue(), wanted(**changed), on)
    assert isinstance(found, Missing), found
    assert found.message.endswith(".")
    return found


# ── lines and VAT ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_base_price_holds_the_first_names_and_each_further_one_has_its_price() -> None:
    found = quote(names=("www.acme.example", "*.acme.example", "a.acme.example", "b.acme.example"))

    assert [(line.quantity, line.unit_price, line.net, line.detail) for line in found.lines] == [
        (1, 14900, 14900, ("www.acme.example",)),
        (2, 4900, 9800, ("a.acme.example", "b.acme.example")),
        (1, 19900, 19900, ("*.acme.example",)),
    ]
    assert (found.net, found.tax, found.total) == (44600, 8474, 53074)


def test_names_that_are_included_cost_nothing_more() -> None:
    dated = catalogue(prices=[a_price(included_names=3)])

    assert len(quote(dated, names=("a.example", "b.example", "c.example")).lines) == 1


def test_vat_is_taken_once_on_the_sum_and_not_line_by_line() -> None:
    """68.33 + 57.50 + 85.00 + 68.33 at 20 %: 334.99; rounded line by line it would be 335.00."""
    dated = catalogue(
        prices=[a_price(6833, extra_name=5750, extra_wildcard=15333)], taxes=[a_tax("20")]
    )  # 85.00 + 68.33 as one wildcard
    found = quote(dated, names=("www.acme.example", "a.acme.example", "*.acme.example"))

    assert (found.net, found.tax, found.total) == (27916, 5583, 33499)


@given(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 40), st.decimals(0, 99, places=2))
def test_a_total_is_its_lines_and_the_vat_of_their_sum(base: int, extra: int, names: int, rate: Decimal) -> None:
    dated = catalogue(prices=[a_price(base, extra_name=extra)], taxes=[a_tax(str(rate))])
    found = quote(dated, names=tuple(f"n{n}.example" for n in range(names + 1)))

    assert found.net == sum(line.net for line in found.lines) == base + names * extra
    assert found.tax == half_up(found.net * rate / 100)
    assert found.total == found.net + found.tax


@pytest.mark.parametrize(("currency", "base", "tax"), [("JPY", 15005, 2851), ("BHD", 55555, 10555)])
def test_currencies_of_none_and_of_three_decimals_are_taxed_to_their_own_smallest_unit(
    currency: str, base: int, tax: int
) -> None:
    dated = catalogue(sellers=[a_seller(currency=currency)], prices=[a_price(base, currency=currency)])

    assert quote(dated, currency=currency).tax == tax


# ── the term ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("days", "years"), [(1, 1), (90, 1), (365, 1), (366, 2), (730, 2), (731, 3)])
def test_a_term_in_days_costs_what_the_next_full_year_costs(days: int, years: int) -> None:
    dated = catalogue(prices=[a_price(n * 1000, years=n) for n in (1, 2, 3)])

    found = quote(dated, years=None, days=days)

    assert found.net == years * 1000
    assert f"{days} days" in found.lines[0].description


def test_a_term_in_years_is_printed_in_years() -> None:
    dated = catalogue(prices=[a_price(), a_price(years=2)])

    assert quote(dated).lines[0].description == "DV, 1 year"
    assert quote(dated, years=2).lines[0].description == "DV, 2 years"


# ── which row counts ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_price_counts_from_its_day_on() -> None:
    dated = catalogue(prices=[a_price(20000, valid_from=DAY), a_price(10000)])

    assert quote(dated, on=DAY - timedelta(days=1)).net == 10000
    assert quote(dated, on=DAY).net == 20000


def test_the_more_exact_tax_rule_wins_whatever_its_day() -> None:
    reverse = a_tax("0", category="AE", vat_number_known=True)
    later = DAY - timedelta(days=1)
    dated = catalogue(taxes=[a_tax("1", ANY, valid_from=later), reverse, a_tax("19"), a_tax("2", ANY)])

    assert quote(dated, vat_number="DE1").group.category == "AE"
    assert quote(dated).group.rate == 19
    assert quote(dated, buyer_country="CH").group.rate == 1


def test_a_country_is_more_exact_than_a_known_vat_number() -> None:
    dated = catalogue(taxes=[a_tax("0", ANY, vat_number_known=True), a_tax("19")])

    assert quote(dated, vat_number="DE1").group.rate == 19


def test_a_rule_for_buyers_with_vat_number_does_not_fit_one_without() -> None:
    dated = catalogue(taxes=[a_tax("0", vat_number_known=True)])

    assert "without VAT number" in missing(dated).message
    assert quote(dated, vat_number="DE1").tax == 0


def test_an_empty_vat_number_is_none() -> None:
    dated = catalogue(taxes=[a_tax("0", vat_number_known=True), a_tax("19", vat_number_known=False)])

    assert quote(dated, vat_number="").tax == 2831


def test_the_seller_is_the_one_for_the_country_in_the_currency_else_the_one_for_everywhere() -> None:
    sellers = [a_seller(2, country="US", currency="USD", sells_to=("US", "CA")), a_seller(6)]
    taxes = [a_tax("0", ANY), a_tax("0", ANY, seller_country="US")]
    prices = [a_price(), a_price(currency="USD")]
    dated = catalogue(sellers=sellers, taxes=taxes, prices=prices, rates=[])

    assert quote(dated, buyer_country="US", currency="USD").seller.number == 2
    assert quote(dated, buyer_country="US").seller.number == 6
    assert quote(dated, buyer_country="CH", currency="USD").seller.number == 6


def test_a_seller_is_what_its_latest_row_says() -> None:
    moved = a_seller(sells_to=("DE",), invoice_prefix="NEW", valid_from=DAY)
    dated = catalogue(sellers=[moved, a_seller()])

    assert quote(dated).seller.invoice_prefix == "NEW"
    assert quote(dated, on=DAY - timedelta(days=1)).seller.invoice_prefix == "INV"
    assert missing(dated, buyer_country="FR").message.startswith("No selling entity sells to FR")


def test_the_latest_row_of_an_entity_is_found_by_its_number() -> None:
    dated = catalogue(sellers=[a_seller(), a_seller(invoice_prefix="NEW", valid_from=DAY)])

    assert dated.entity(6).invoice_prefix == "NEW"
    with pytest.raises(KeyError):
        dated.entity(7)


# ── VAT in the seller's currency ─────────────────────────────────────────────────────────────────────────────────────


def test_vat_of_a_document_in_another_currency_is_stated_in_the_sellers_by_the_dated_rate() -> None:
    rates = [RateRow("USD", "EUR", Decimal("0.90"), LONG_AGO), RateRow("USD", "EUR", Decimal("0.85333"), DAY)]
    dated = catalogue(prices=[a_price(currency="USD")], rates=rates)

    group = quote(dated, currency="USD").group

    assert (group.tax, group.accounting_currency, group.accounting_tax) == (2831, "EUR", 2416)  # 2415.77
    assert quote(dated, currency="USD", on=DAY - timedelta(days=1)).group.accounting_tax == 2548  # 2547.9


def test_a_stated_vat_has_the_decimals_of_the_sellers_currency() -> None:
    dated = catalogue(
        prices=[a_price(15000, currency="JPY")], rates=[RateRow("JPY", "EUR", Decimal("0.0061"), LONG_AGO)]
    )

    assert quote(dated, currency="JPY").group.accounting_tax == 1739  # 2850 JPY are 17.385 EUR


def test_no_rate_is_needed_where_there_is_no_vat() -> None:
    dated = catalogue(prices=[a_price(currency="USD")], taxes=[a_tax("0")])

    assert quote(dated, currency="USD").group.accounting_currency is None


# ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dated", "changed", "reason", "says"),
    [
        (catalogue(), {"buyer_country": None}, "billing_details", "no complete billing address"),
        (catalogue(), {"buyer_complete": False}, "billing_details", "no complete billing address"),
        (catalogue(), {"product_name_id": "x"}, "price", "no price in EUR for x over 1 year on"),
        (catalogue(), {"years": 2}, "price", "over 2 years"),
        (catalogue(), {"currency": "USD"}, "price", "no price in USD"),
        (catalogue(prices=[a_price(valid_from=DAY + timedelta(days=1))]), {}, "price", "no price"),
        (catalogue(sellers=[]), {}, "tax", "No selling entity sells to DE"),
        (catalogue(taxes=[]), {}, "tax", "no tax rule"),
        (catalogue(taxes=[a_tax(valid_from=DAY + timedelta(days=1))]), {}, "tax", "no tax rule"),
        (catalogue(prices=[a_price(currency="USD")]), {"currency": "USD"}, "tax", "no exchange rate for USD"),
    ],
)
def test_an_order_with_a_gap_is_not_priced_and_the_gap_is_named(
    dated: Catalogue, changed: dict[str, Any], reason: str, says: str
) -> None:
    found = missing(dated, **changed)

    assert found.reason == reason
    assert says in found.message


@given(st.integers(0, 10**7), st.decimals(0, 99, places=3), st.text(max_size=20))
def test_a_kept_quote_is_the_same_after_its_way_through_json(base: int, rate: Decimal, sentence: str) -> None:
    dated = catalogue(prices=[a_price(base)], taxes=[a_tax(str(rate), sentence=sentence)])
    found = quote(dated, names=("a.example", "*.b.example"))

    assert Quote.from_json(json.loads(json.dumps(found.as_json())), found.seller) == found
