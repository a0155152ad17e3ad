"""How far behind a member is, and whether it moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STUCK_SECONDS = 60.0


@dataclass
class Lag:
    """Per partition: the position last seen, and since when it has been there with something waiting."""

    seen: dict[Any, tuple[int, float]] = field(default_factory=dict)
    behind: dict[Any, int] = field(default_factory=dict)

    def look(self, positions: Mapping[Any, tuple[int, int]], now: float) -> None:
        """`positions`: partition → (position, high water), of those assigned now; others are forgotten."""
        moved = {}
        for place, (position, _) in positions.items():
            before = self.seen.get(place)
            stands = before is not None and before[0] == position and self.behind.get(place, 0) > 0
            moved[place] = (position, before[1] if before and stands else now)
        self.seen = moved
        self.behind = {place: high - at for place, (at, high) in positions.items()}

    def stuck(self, now: float) -> list[str]:
        """Assigned, behind, and not moving: consumers have been seen to stop without an error."""
        return [
            f"{place.topic}/{place.partition}"
            for place, (_, since) in self.seen.items()
            if self.behind.get(place, 0) > 0 and now - since > STUCK_SECONDS
        ]
