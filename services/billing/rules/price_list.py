"""What one account pays today, and what is to come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from services.billing.rules.catalogue import Catalogue, Missing
from services.billing.rules.dated import PriceRow


@dataclass(frozen=True)
class Offer:
    """Of one product and term. `coming`: each row that will count in its turn, the next first."""

    now: PriceRow | None
    coming: tuple[PriceRow, ...]


def price_list(catalogue: Catalogue, account_id: int | None, currency: str, on: date) -> list[Offer]:
    sold = sorted(catalogue.prices_for(account_id, currency).items(), key=lambda pair: pair[0])
    return [_offer(catalogue, account_id, rows, on) for _, rows in sold]


def _offer(catalogue: Catalogue, account_id: int | None, rows: list[PriceRow], on: date) -> Offer:
    """Asked of the charge's own function, day by day on which a row begins."""
    days = sorted({on, *(row.valid_from for row in rows if row.valid_from > on)})
    one = rows[0]
    asked = [catalogue.price(one.product_name_id, one.years, one.currency, day, account_id) for day in days]
    now, *later = [None if isinstance(found, Missing) else found for found in asked]
    return Offer(now, tuple(_changes(now, later)))


def _changes(now: PriceRow | None, later: list[PriceRow | None]) -> Iterator[PriceRow]:
    for row in later:
        if row is not None and row != now:
            yield row
            now = row
