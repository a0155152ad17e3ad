"""How long what is due has been due: what a finance person reads first of a list of debts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Age:
    name: str  # on the wire
    words: str
    longest: int | None  # days past due


NOT_DUE = Age("not_due_yet", "Not due yet", -1)
AGES = (
    NOT_DUE,
    Age("days_0_30", "0–30 days past due", 30),
    Age("days_31_60", "31–60 days past due", 60),
    Age("days_61_90", "61–90 days past due", 90),
    Age("days_over_90", "90+ days past due", None),
)


def age_of(due_on: date, day: date) -> Age:
    """At the end of that day: what was to be paid on it is 0 days past due then."""
    late = (day - due_on).days
    return next(age for age in AGES if age.longest is None or late <= age.longest)


def aging(due: Iterable[tuple[date, int]], day: date) -> list[tuple[Age, int]]:
    """`due`: what is due by due date. Every age is told, the youngest first."""
    found = dict.fromkeys(AGES, 0)
    for due_on, amount in due:
        found[age_of(due_on, day)] += amount
    return list(found.items())
