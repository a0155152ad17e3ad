"""What names cost that are added to an order during its term: what the order would have cost more with them from the
beginning, for the days that remain of the term, the first and the last of them included (`docs/catalogue.md`)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from services.billing.rules.catalogue import Catalogue, Missing
from services.billing.rules.dated import PriceRow
from services.billing.rules.facts import Added, Placed
from services.billing.rules.proration import part_of_days
from services.billing.rules.quote import Quote, QuotedLine, Wanted, make_quote, price_for, quote_lines, wild_apart


def price_of(catalogue: Catalogue, wanted: Wanted, order: Placed, on: date) -> Quote | Missing:
    """Of the order, or of the names that were added to it."""
    if order.added is None:
        return make_quote(catalogue, wanted, on)
    return _price_of_names(catalogue, wanted, order.added, on)


def _price_of_names(catalogue: Catalogue, wanted: Wanted, added: Added, on: date) -> Quote | Missing:
    """By the price list that counted for the order. Who sells them and with which VAT is a matter of today."""
    priced_on = added.priced_on or on
    price = price_for(catalogue, wanted, priced_on)
    lines = price if isinstance(price, Missing) else tuple(_lines(price, wanted, added))
    found = quote_lines(catalogue, wanted, lines, on)
    return found if isinstance(found, Missing) else replace(found, on=priced_on)


def _lines(price: PriceRow, wanted: Wanted, added: Added) -> Iterator[QuotedLine]:
    free = max(0, price.included_names - added.names_before)
    included, (plain, wild) = added.names[:free], wild_apart(added.names[free:])
    rest, whole = days_left(wanted, added), term_days(wanted, added.term_ends_on)
    days = f"{added.starts_on} to {added.term_ends_on}, {rest} of {whole} days"
    if included:
        yield QuotedLine("Name included in the price of the order", included, len(included), 0)
    for what, names, unit in (
        ("Additional name", plain, price.extra_name),
        ("Additional wildcard name", wild, price.extra_wildcard),
    ):
        if names:
            yield QuotedLine(f"{what}, {days}", names, len(names), part_of_days(unit, whole - rest + 1, whole, whole))


def days_left(wanted: Wanted, added: Added) -> int:
    """A term may have days more than were bought, as a renewal brings some: they cost nothing."""
    return min((added.term_ends_on - added.starts_on).days + 1, term_days(wanted, added.term_ends_on))


def term_days(wanted: Wanted, ends_on: date) -> int:
    return wanted.days or (ends_on - _years_before(ends_on, wanted.years or 1)).days


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=max(1, day.year - years))
    except ValueError:  # 29 February
        return day.replace(year=max(1, day.year - years), day=28)
