"""A price for some of the days that it is for: the first k of n days cost round(price x k / n), half up, and a later
run of days what is then left. So the parts of a month, or of a term, add up to its price, however it is cut."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from services.billing.rules.money import half_up
from services.billing.rules.period import Period, month_of


def part_of_month(price: int, days: Period) -> int:
    """`days`: of one month, both ends included; minor units."""
    return part_of_days(price, days.first.day, days.last.day, month_of(days.first).last.day)


def part_of_days(price: int, first: int, last: int, whole: int) -> int:
    """From the first to the last of the days 1 to `whole`."""
    return _first_days(price, last, whole) - _first_days(price, first - 1, whole)


def _first_days(price: int, days: int, whole: int) -> int:
    return half_up(Decimal(price * days) / whole)


def days_by_month(first: date, last: date) -> Iterator[Period]:
    """Nothing where the first day is after the last."""
    while first <= last:
        part = Period(first, min(last, month_of(first).last))
        yield part
        first = part.last + timedelta(days=1)
