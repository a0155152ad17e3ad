"""What became of the records that came in."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.tally import RECORDS, Tally

Kind = tuple[str, str]  # type of the event, and what became of it


@dataclass
class Stats:
    """`events` by topic, type and outcome; `errors` by class: why events were parked, or commands refused."""

    events: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    bisected: int = 0
    transient: int = 0
    failed_commits: int = 0
    took: Tally = field(default_factory=Tally)
    size: Tally = field(default_factory=lambda: Tally(RECORDS))
    waited: dict[str, Tally] = field(default_factory=dict)
    committed_at: float | None = None

    def count(self, topic: str, kinds: Mapping[Kind, int]) -> None:
        for (kind, outcome), number in kinds.items():
            self.events[topic, kind, outcome] += number

    def committed(self, topic: str, timestamps: Iterable[int]) -> None:
        """`timestamps` of the applied records, in milliseconds as Kafka has them."""
        now, waited = time.time(), self.waited.setdefault(topic, Tally())
        for timestamp in timestamps:
            waited.note(max(0.0, now - timestamp / 1000))
        self.committed_at = time.monotonic()

    def _became(self, outcome: str) -> int:
        return sum(number for (_, _, became), number in self.events.items() if became == outcome)

    @property
    def applied(self) -> int:
        return self._became("applied")

    @property
    def duplicates(self) -> int:
        return self._became("duplicate")

    @property
    def parked(self) -> int:
        return self._became("parked")
