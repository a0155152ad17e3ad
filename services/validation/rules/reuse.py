"""How long evidence may be relied on (BR 4.2.1): judged at the moment of issuance, by dated tables."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.validation.rules.methods import Method, day

INSTANT = timedelta(microseconds=1)  # the resolution of our clock: the last instant before a limit is this much earlier


@dataclass(frozen=True, slots=True)
class Limit:
    """From this date on, a certificate may rest on validations at most this old (BR 4.2.1)."""

    since: datetime
    reuse: timedelta


LIMITS = (
    Limit(datetime.min.replace(tzinfo=UTC), timedelta(days=398)),
    Limit(day(2026, 3, 15), timedelta(days=200)),
    Limit(day(2027, 3, 15), timedelta(days=100)),
    Limit(day(2029, 3, 15), timedelta(days=10)),
)


def is_legal(observed_at: datetime, method: Method, at: datetime) -> bool:
    """By the letter of the Baseline Requirements; `is_usable` is what issuance asks."""
    return method.is_open(at) and at - observed_at <= _cap(_limit_at(at), method)


def is_usable(observed_at: datetime, method: Method, at: datetime, lead: timedelta) -> bool:
    """Every dated rule is judged as if it were `lead` later (SV2). Evidence of the future proves nothing (EV10)."""
    return observed_at <= at and is_legal(observed_at, method, at + lead)


def usable_until(observed_at: datetime, method: Method, lead: timedelta) -> datetime | None:
    """The last instant of use, or None if there is none. Worked out each time, for tables change (SV3)."""
    last = _legal_end(observed_at, method) - lead
    return last if observed_at <= last else None


def usable_since(method: Method, at: datetime, lead: timedelta) -> datetime | None:
    """Evidence is usable at `at` if it was observed then or later: `is_usable` for a whole index at once. None where no
    evidence of this method is."""
    judged = at + lead
    return judged - _cap(_limit_at(judged), method) if method.is_open(judged) else None


def _limit_at(at: datetime) -> Limit:
    return max((one for one in LIMITS if one.since <= at), key=lambda one: one.since)


def _legal_end(observed_at: datetime, method: Method) -> datetime:
    """Limits only ever shrink, so the first age limit that bites, or the sunset, ends it for good."""
    ends = [observed_at + _cap(LIMITS[0], method)]
    for limit in LIMITS[1:]:
        ends.append(max(observed_at + _cap(limit, method), limit.since - INSTANT))
    if method.void_from:
        ends.append(method.void_from - INSTANT)
    return min(ends)


def _cap(limit: Limit, method: Method) -> timedelta:
    return limit.reuse if method.reuse_cap is None else min(limit.reuse, method.reuse_cap)
