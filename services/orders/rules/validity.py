from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shared.errors import Rejected

# The longest public TLS certificate by its day of issue: one day below BR 6.3.2, which counts any fraction as a day.
CEILINGS = ((date(2020, 9, 1), 397), (date(2026, 3, 15), 199), (date(2027, 3, 15), 99), (date(2029, 3, 15), 46))
MAX_TERM_YEARS = 3
MAX_TERM_DAYS = 1095
MOST_FREE_DAYS = 30
BACKDATE = timedelta(hours=1)  # clocks of clients that run late


@dataclass(frozen=True)
class Span:
    """Years, days or a last day: exactly one."""

    years: int | None = None
    days: int | None = None
    ends_on: date | None = None

    def end(self, start: date) -> date:
        if self.ends_on:
            return self.ends_on
        if self.days:
            return start + timedelta(days=self.days)
        return _add_years(start, self.years or 0)

    def in_days(self, start: date) -> int:
        return self.days or (self.end(start) - start).days


def ceiling(day: date) -> int:
    at = bisect_right(CEILINGS, day, key=lambda step: step[0])
    return CEILINGS[max(at, 1) - 1][1]


def span(years: int | None, days: int | None, ends_on: date | None) -> Span | None:
    """The exact wish wins: a last day over days, days over years. Zero counts as absent."""
    if ends_on:
        return Span(ends_on=ends_on)
    if days:
        return Span(days=days)
    return Span(years=years) if years else None


def term(wished: Span | None, today: date) -> Span:
    """What is bought. The ceiling of certificates never refuses it: they are reissued within the term."""
    if wished is None:
        raise Rejected('The order has no validity: give "order_validity" with years (1 to 3), days or a last day.')
    if wished.years is not None and not 1 <= wished.years <= MAX_TERM_YEARS:
        raise Rejected(f"An order is for 1 to {MAX_TERM_YEARS} years, not {wished.years}.")
    if wished.years is None and not 1 <= wished.in_days(today) <= MAX_TERM_DAYS:
        raise Rejected(f"An order is for 1 to {MAX_TERM_DAYS} days from today, not {wished.in_days(today)}.")
    return wished


def free_days(term: Span, renewed_ends_on: date, today: date) -> int:
    """Added to a renewal for what is left of the order before; none where the last day was chosen."""
    left = (renewed_ends_on - today).days
    return 0 if term.ends_on else max(0, min(left, MOST_FREE_DAYS))


def certificate_span(wished: Span | None, today: date) -> Span | None:
    """Only a certificate validity asked for expressly is refused when it passes the ceiling."""
    if wished is None:
        return None
    days = wished.in_days(today)
    if not 1 <= days <= ceiling(today):
        raise Rejected(
            f"cert_validity is {days} days, a certificate issued today has 1 to {ceiling(today)}; "
            "leave it out to get the longest one allowed."
        )
    return wished


def lifetime(wished: Span | None, term_end: date, now: datetime) -> tuple[datetime, datetime] | None:
    """Not before and not after: the shortest of what was wished, the ceiling of its day and the rest of the term."""
    not_before = now.astimezone(UTC).replace(microsecond=0) - BACKDATE
    ends = [not_before + timedelta(days=ceiling(now.date())), _end_of(term_end)]
    if wished is not None:
        ends.append(_end_of(wished.ends_on) if wished.ends_on else not_before + timedelta(days=wished.days or 0))
    not_after = min(ends) - timedelta(seconds=1)  # both ends are part of the period (RFC 5280 4.1.2.5)
    return (not_before, not_after) if not_after > now else None


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _add_years(start: date, years: int) -> date:
    year = min(start.year + years, date.max.year)
    try:
        return start.replace(year=year)
    except ValueError:  # 29 February
        return start.replace(year=year, day=28)
