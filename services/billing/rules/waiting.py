"""Who must act on an order that waits, and when they are reminded."""

from datetime import datetime, timedelta
from typing import Literal

STAGES = (1, 7, 21)  # days
CUSTOMERS = ("funds", "billing_details")  # the rest is the catalogue of the CA's staff

Actor = Literal["customer", "staff"]


def actor(reason: str) -> Actor:
    return "customer" if reason in CUSTOMERS else "staff"


def stage_at(since: datetime, now: datetime) -> int:
    """0 before the first."""
    return max((days for days in STAGES if since + timedelta(days=days) <= now), default=0)


def next_stage_at(since: datetime, stage: int) -> datetime | None:
    later = [days for days in STAGES if days > stage]
    return since + timedelta(days=later[0]) if later else None
