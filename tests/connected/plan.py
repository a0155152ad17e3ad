"""What is said, and what must be there in the end."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.toy import Counted, counted


@dataclass
class Plan:
    """What is said, and what must be there in the end."""

    events: list[Counted]
    poison: dict[int, int] = field(default_factory=dict)  # thing → the version that cannot be applied

    @classmethod
    def make(cls, number: int, things: Sequence[int], poison: int = 0) -> "Plan":
        versions = dict.fromkeys(things, 0)
        order = random.choices(things, k=number)
        at = {thing: max(1, order.count(thing) // 2) for thing in random.sample(things, poison)}
        events = []
        for thing in order:
            versions[thing] += 1
            bad = "bug" if at.get(thing) == versions[thing] else None
            events.append(counted(thing, versions[thing], fails=bad))
        return cls(events, at)

    @property
    def versions(self) -> dict[int, int]:
        """Without the poisoned ones and what comes behind them."""
        fine = [one for one in self.events if one.version < self.poison.get(one.account_id, 2**31)]
        return {one.account_id: one.version for one in fine}

    @property
    def parked(self) -> dict[int, list[int]]:
        behind: dict[int, list[int]] = {}
        for one in self.events:
            if one.version >= self.poison.get(one.account_id, 2**31):
                behind.setdefault(one.account_id, []).append(one.version)
        return behind

    def with_repeats(self, share: float = 0.02) -> list[Counted]:
        """Some are said again, under the same id, a little later."""
        said = list(self.events)
        for n in sorted(random.sample(range(len(said)), int(len(said) * share)), reverse=True):
            said.insert(min(len(said), n + random.randint(0, 60)), self.events[n])
        return said
