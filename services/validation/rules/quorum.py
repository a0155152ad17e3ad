"""How many perspectives have to agree (BR 3.2.2.9), and when that is decided."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from services.validation.rules.methods import day

REGIONS = ("AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE NCC")
NEEDED_REGIONS = 2


@dataclass(frozen=True, slots=True)
class Minimum:
    since: datetime
    remotes: int


MINIMA = (
    Minimum(datetime.min.replace(tzinfo=UTC), 2),
    Minimum(day(2026, 3, 15), 3),
    Minimum(day(2026, 6, 15), 4),
    Minimum(day(2026, 12, 15), 5),
)


class Standing(Enum):
    AGREED = "agreed"
    REFUSED = "refused"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Quorum:
    """`regions` by remote, of all that are asked; `agreeing` and `others` of those that are known so far."""

    regions: Mapping[str, str]
    agreeing: Collection[str] = ()
    others: Collection[str] = ()

    @property
    def needed(self) -> int:
        return len(self.regions) - tolerated(len(self.regions))

    @property
    def standing(self) -> Standing:
        """Decided as soon as those that have not answered can change nothing (MP6)."""
        if self._suffices(self.agreeing):
            return Standing.AGREED
        reachable = [name for name in self.regions if name not in self.others]
        return Standing.OPEN if self._suffices(reachable) else Standing.REFUSED

    def _suffices(self, names: Collection[str]) -> bool:
        spread = {self.regions[name] for name in names}
        return len(names) >= self.needed and len(spread) >= NEEDED_REGIONS

    def __str__(self) -> str:
        """As audit logs have it: agreeing of attempted (MP9, BR 5.4.1)."""
        return f"{len(self.agreeing)}/{len(self.regions)}"


def tolerated(remotes: int) -> int:
    return 1 if remotes <= 5 else 2


def minimum(now: datetime, lead: timedelta) -> int:
    """Dated rules are judged as if it were `lead` later (MP4, SV2)."""
    return max((one for one in MINIMA if one.since <= now + lead), key=lambda one: one.since).remotes


def why_too_few(regions: Mapping[str, str], now: datetime, lead: timedelta) -> str | None:
    needed = minimum(now, lead)
    if len(regions) < needed:
        return (
            f"{len(regions)} remote perspectives are configured and {needed} are needed today (BR 3.2.2.9): add to "
            "ISSUARY_VALIDATION_PERSPECTIVES. Until then nothing is validated."
        )
    if len(set(regions.values())) < NEEDED_REGIONS:
        return (
            f"All remote perspectives are in the region {next(iter(regions.values()))}; {NEEDED_REGIONS} regions are "
            "needed (BR 3.2.2.9). Until then nothing is validated."
        )
    return None
