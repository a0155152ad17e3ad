"""When to look again (LC5): phases one after another, counted from the moment the token was made or asked for again.

Attempts that were opened together are not looked at together for days: each has its own place in the longer pauses."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Phase:
    every: timedelta
    during: timedelta
    jitter: float = JITTER  # the part of a pause that looks are spread over


LONG_RUN = (
    Phase(timedelta(minutes=1), timedelta(minutes=15)),
    Phase(timedelta(minutes=5), timedelta(hours=1)),
    Phase(timedelta(minutes=15), timedelta(days=1), jitter=1.0),
    Phase(timedelta(hours=1), timedelta(days=10), jitter=1.0),
)
# Somebody sits before a test stack and waits.
IMPATIENT = (
    Phase(timedelta(seconds=1), timedelta(minutes=2)),
    Phase(timedelta(seconds=2), timedelta(minutes=8)),
    *LONG_RUN,
)


def next_look(
    first: datetime, now: datetime, phases: Sequence[Phase] = LONG_RUN, share: float = 0.0
) -> datetime | None:
    """The next look after `now`, or None when polling is over; the first is at `first`. It is worked out from that
    alone, so that it survives a restart, and looks missed meanwhile are not made up for. `share`, from 0 to 1, is the
    attempt's own place in a pause."""
    if now < first:
        return first
    for begin, phase in _timeline(first, phases):
        late = phase.every * phase.jitter * share
        passed = max(int(begin == first), (now - begin - late) // phase.every + 1)
        if now < begin + phase.during and begin + passed * phase.every < begin + phase.during:
            return begin + passed * phase.every + late
    return None


def spread(pause: timedelta) -> timedelta:
    """Jitter, far below the pause it is added to."""
    return pause * JITTER * random.random()  # noqa: S311


def place_in_pause(attempt_id: UUID) -> float:
    """Always the same, so that its looks keep their distance."""
    return (attempt_id.int & 0xFFFF) / 0x10000


def _timeline(begin: datetime, phases: Sequence[Phase]) -> Iterator[tuple[datetime, Phase]]:
    for phase in phases:
        yield begin, phase
        begin += phase.during
