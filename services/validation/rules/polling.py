"""When to look again (LC5): phases one after another, counted from the moment the token was made or asked for again."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Phase:
    every: timedelta
    during: timedelta


LONG_RUN = (
    Phase(timedelta(minutes=1), timedelta(minutes=15)),
    Phase(timedelta(minutes=5), timedelta(hours=1)),
    Phase(timedelta(minutes=15), timedelta(days=1)),
    Phase(timedelta(hours=1), timedelta(days=10)),
)
# Somebody sits before a test stack and waits.
IMPATIENT = (
    Phase(timedelta(seconds=1), timedelta(minutes=2)),
    Phase(timedelta(seconds=2), timedelta(minutes=8)),
    *LONG_RUN,
)


def next_look(first: datetime, now: datetime, phases: Sequence[Phase] = LONG_RUN) -> datetime | None:
    """The next look after `now`, or None when polling is over; the first is at `first`. It is worked out from that
    alone, so that it survives a restart, and looks missed meanwhile are not made up for."""
    for begin, phase in _timeline(first, phases):
        if now < begin + phase.during:
            passed = max(0, (now - begin) // phase.every + 1)
            if begin + passed * phase.every < begin + phase.during:
                return begin + passed * phase.every + spread(phase.every)
    return None


def spread(pause: timedelta) -> timedelta:
    """Jitter, far below the pause it is added to."""
    return pause * JITTER * random.random()  # noqa: S311


def _timeline(begin: datetime, phases: Sequence[Phase]) -> Iterator[tuple[datetime, Phase]]:
    for phase in phases:
        yield begin, phase
        begin += phase.during
