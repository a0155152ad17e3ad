"""Which day a validation dies on, for a whole index at once; and how that looks as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.validation.rules.methods import Method
from services.validation.rules.reuse import usable_since

HORIZON = 400  # days: longer than evidence lives by any table there is
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
WIDTH, HEIGHT, GAP = 1000, 160, 3


def bounds(method: Method, today: date, lead: timedelta) -> list[datetime]:
    """For the beginning of today and of each day after it: what was observed since then is still usable. They only
    rise, so the number of those at or before an observation says on which day its validation ends."""
    return [usable_since(method, _start(today + timedelta(days=n)), lead) or NEVER for n in range(HORIZON + 1)]


def day_of(bucket: int, today: date) -> date:
    return today + timedelta(days=bucket - 1)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@dataclass(frozen=True)
class Bar:
    """A week, from Monday; `x`, `y`, `width` and `height` in a drawing of WIDTH by HEIGHT."""

    first: date
    count: int
    x: int
    y: int
    width: int
    height: int


def weekly(deaths: Sequence[tuple[date, int]], today: date) -> list[Bar]:
    """From this week to the last one in which something ends."""
    first = _monday(today)
    by_week: dict[date, int] = {}
    for day, count in deaths:
        by_week[_monday(day)] = by_week.get(_monday(day), 0) + count
    if not by_week:
        return []
    weeks = [first + timedelta(weeks=n) for n in range((max(by_week) - first).days // 7 + 1)]
    most, step = max(by_week.values()), WIDTH / len(weeks)
    return [_bar(week, by_week.get(week, 0), n, most, step) for n, week in enumerate(weeks)]


def _bar(week: date, count: int, place: int, most: int, step: float) -> Bar:
    """What is there at all is seen, however small."""
    height = max(2, round(HEIGHT * count / most)) if count else 0
    x = round(place * step)
    return Bar(week, count, x, HEIGHT - height, max(1, round((place + 1) * step) - x - GAP), height)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
