"""A run of whole days, UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shared.errors import Rejected

LAST_DAY = date(9998, 12, 31)  # a day must be able to follow


@dataclass(frozen=True)
class Period:
    first: date
    last: date

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The instant at which it is over."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def is_over(self, now: datetime) -> bool:
        return self.end <= now

    def __str__(self) -> str:
        """`November 2026` where it is just that, else its days."""
        if self == month_of(self.first):
            return f"{self.first:%B %Y}"
        days = [f"{day.day} {day:%B %Y}" for day in (self.first, self.last)]
        return days[0] if self.first == self.last else " to ".join(days)


def month_of(day: date) -> Period:
    first = day.replace(day=1)
    return Period(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def month_named(text: str) -> Period:
    """Raises Rejected for what is not like 2026-11."""
    if not re.fullmatch(r"[1-9]\d{3}-(0[1-9]|1[0-2])", text) or text > f"{LAST_DAY:%Y-%m}":
        raise Rejected(f"{text[:40]!r} is no month; send it like 2026-11.")
    return month_of(date(int(text[:4]), int(text[5:]), 1))


def month_before(day: date) -> Period:
    return month_of(day.replace(day=1) - timedelta(days=1))


def month_after(day: date) -> Period:
    return month_of(month_of(day).last + timedelta(days=1))


def period_of(first: str, last: str, today: date) -> Period:
    """Up to today, and from the first of the month, where a day is not given. Raises Rejected."""
    until = _day("to", last) if last else max(today, _day("from", first) if first else today)
    since = _day("from", first) if first else until.replace(day=1)
    if since > until:
        raise Rejected(f"The period ends on {until}, before it begins on {since}; exchange the two days.")
    if since > today:
        raise Rejected(f"The period begins on {since}, and today is {today} (UTC); choose one that has begun.")
    return Period(since, until)


def _day(name: str, text: str) -> date:
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        found = date.max
    if found.isoformat() != text.strip():
        raise Rejected(f"{name}: {text[:40]!r} is no day of the calendar; send it like 2026-11-03.")
    if found > LAST_DAY:
        raise Rejected(f"{name}: {found} is too late; the last day of a period is {LAST_DAY}.")
    return found
