"""When people are told that a validation ends: 30, 14, 7 and 1 days before, once each (LC8)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.validation.rules.proofs import Proof
from services.validation.rules.renewing import RENEWED_AFTER

OFFSETS = (30, 14, 7, 1)
# Tables of reuse change with a new version: what is planned is worked out again from time to time (SV3).
LONGEST_PLAN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Reminder:
    """`days`: how many were announced; 0 when it is over. `next_at`: when to look again, or None."""

    days: int | None
    next_at: datetime | None


def reminder(proof: Proof, told: int | None, now: datetime) -> Reminder:
    """Of a proof that is usable. `told`: the days last announced of this very evidence. Of several that are due, after
    a stop, the nearest to the end is told alone."""
    days = min((days for days in offsets_of(proof) if _at(proof, days) <= now), default=None)
    is_news = days is not None and (told is None or days < told)
    return Reminder(days if is_news else None, next_reminder(proof, now))


def over(told: int | None) -> Reminder:
    return Reminder(None if told == 0 else 0, None)


def next_reminder(proof: Proof, now: datetime) -> datetime:
    ahead = [at for days in offsets_of(proof) if (at := _at(proof, days)) > now]
    return min([*ahead, _just_after(proof), now + LONGEST_PLAN])


def offsets_of(proof: Proof) -> list[int]:
    """Without those that are not shorter than the evidence's whole life, or fall before it renews itself; then nobody
    needs to do anything (PT13)."""
    quiet = RENEWED_AFTER.get(proof.method, timedelta(0))
    return [days for days in OFFSETS if _at(proof, days) > proof.observed_at + quiet]


def _at(proof: Proof, days: int) -> datetime:
    return proof.usable_until - timedelta(days=days)


def _just_after(proof: Proof) -> datetime:
    return proof.usable_until + timedelta(microseconds=1)
