"""Persistent records are looked at again by themselves: every 7 days, for their evidence lives 10 (PT9, PT13)."""

from datetime import datetime, timedelta

from services.validation.rules.polling import JITTER, spread

RENEWED_AFTER = {"3.2.2.4.22": timedelta(days=7)}
EVERY = RENEWED_AFTER["3.2.2.4.22"]


def next_renewal(observed_at: datetime) -> datetime:
    """Never later than the 7 days, and not all that were proven together at once."""
    return observed_at + EVERY - spread(EVERY)


def is_young(observed_at: datetime, now: datetime) -> bool:
    """Made since by a look for another domain that rests on it too: it is nobody's turn yet."""
    return now < observed_at + EVERY * (1 - JITTER)
