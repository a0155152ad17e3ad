"""What a list of revoked certificates says, and when there has to be a new one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# By the words of the contract (4.6), and what RFC 5280 5.3.1 numbers them. Removal from a list is none of them, and a
# CA that lost its own key has more to do than this.
REASONS: Mapping[str, int] = {
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "privilegeWithdrawn": 9,
}


@dataclass(frozen=True)
class Rhythm:
    every: timedelta
    lives: timedelta


# BR 4.9.7: of subscriber certificates a new list at least every 4 days where no OCSP runs, and no list for more than
# 10 days (7.2.1); of intermediates at least every 12 months.
OF_CERTIFICATES = Rhythm(every=timedelta(days=3), lives=timedelta(days=7))
OF_INTERMEDIATES = Rhythm(every=timedelta(days=90), lives=timedelta(days=180))


@dataclass(frozen=True)
class Entry:
    serial_number: str
    revoked_at: datetime
    reason: str


@dataclass(frozen=True)
class WantedList:
    authority: str  # the identifier of its key, in hex
    number: int
    this_update: datetime
    next_update: datetime
    entries: Sequence[Entry] = ()


def rhythm(is_root: bool) -> Rhythm:
    return OF_INTERMEDIATES if is_root else OF_CERTIFICATES


def listed_since(now: datetime, is_root: bool) -> datetime:
    """Certificates that expired before are left out. An entry stays until a list after the certificate's expiry had it
    (RFC 5280 3.3); it stays for as long as such a list lives."""
    return now - rhythm(is_root).lives
