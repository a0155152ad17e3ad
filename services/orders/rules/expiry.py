"""When the end of a certificate is told, and when it is replaced by itself."""

from datetime import UTC, date, datetime, time, timedelta

NOTICES = (90, 60, 30, 7, 0)
ENDED = -1
REISSUE_DAYS = 30


def _start(valid_till: date, days: int) -> datetime:
    return datetime.combine(valid_till - timedelta(days=days), time(), UTC)


def due_notice(valid_till: date, now: datetime) -> int | None:
    """The latest that has begun, in days before the last one; none before the first."""
    return min((days for days in (*NOTICES, ENDED) if _start(valid_till, days) <= now), default=None)


def next_notice(valid_till: date, now: datetime) -> datetime | None:
    return min((at for days in (*NOTICES, ENDED) if (at := _start(valid_till, days)) > now), default=None)


def reissue_at(valid_from: date, valid_till: date, term_ends_on: date) -> datetime | None:
    """30 days before the end, or a third of its life where that is shorter; none where the order ends with it."""
    if term_ends_on <= valid_till:
        return None
    return _start(valid_till, min(REISSUE_DAYS, (valid_till - valid_from).days // 3))
