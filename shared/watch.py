"""Is it alive, is it ready, what does it do: progress of the door and the relay, and the metrics of a service."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import text

from shared.db import Database

STUCK_SECONDS = 60.0


class Consumer(Protocol):
    def assignment(self) -> Any: ...
    def highwater(self, partition: Any) -> int | None: ...


@dataclass
class Lag:
    """Per partition: the position last seen, and since when it has been there with something waiting."""

    seen: dict[Any, tuple[int, float]] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)

    def look(self, positions: Mapping[Any, tuple[int, int]], now: float) -> None:
        """`positions`: partition → (position, high water)."""
        moved = {}
        for place, (position, _) in positions.items():
            before = self.seen.get(place)
            stands = before is not None and before[0] == position and self.behind.get(_name(place), 0) > 0
            moved[place] = (position, before[1] if before and stands else now)
        self.seen = moved
        self.behind = {_name(place): high - at for place, (at, high) in positions.items()}

    def stuck(self, now: float) -> list[str]:
        """Assigned, behind, and not moving: consumers have been seen to stop without an error."""
        return [
            _name(place)
            for place, (_, since) in self.seen.items()
            if self.behind.get(_name(place), 0) > 0 and now - since > STUCK_SECONDS
        ]


def _name(place: Any) -> str:
    return f"{place.topic}/{place.partition}"


class Metrics:
    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service, only = service, ("service",)
        self.requests = Histogram(
            "issuary_http_seconds",
            "Time of HTTP requests",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self.events = Counter(
            "issuary_events", "Events by what became of them", ("service", "outcome"), registry=self.registry
        )
        self.outbox_pending = Gauge("issuary_outbox_pending", "Rows waiting to be sent", only, registry=self.registry)
        self.outbox_age = Gauge(
            "issuary_outbox_age_seconds", "Age of the oldest waiting row", only, registry=self.registry
        )
        self.leader = Gauge("issuary_relay_leader", "1 where this process sends", only, registry=self.registry)
        self.relay_failures = Gauge("issuary_relay_failures", "Failures in a row", only, registry=self.registry)
        self.parked = Gauge("issuary_parked_events", "Parked events", only, registry=self.registry)
        self.parked_scopes = Gauge("issuary_parked_scopes", "Parked scopes", only, registry=self.registry)
        self.oldest_transaction = Gauge(
            "issuary_oldest_transaction_seconds", "Age of the oldest transaction", only, registry=self.registry
        )
        self.lag = Gauge("issuary_lag", "Records behind", ("service", "partition"), registry=self.registry)
        self._counted: dict[str, int] = {}

    def count(self, stats: Any) -> None:
        for outcome in ("applied", "duplicates", "parked", "bisected", "transient", "failed_commits"):
            total = getattr(stats, outcome)
            self.events.labels(self._service, outcome).inc(total - self._counted.get(outcome, 0))
            self._counted[outcome] = total

    def show_relay(self, stats: Any) -> None:
        self.leader.labels(self._service).set(stats.leader)
        self.relay_failures.labels(self._service).set(stats.failures)

    def show_lag(self, lag: Lag) -> None:
        for partition, behind in lag.behind.items():
            self.lag.labels(self._service, partition).set(behind)

    async def show_database(self, db: Database) -> None:
        async with db.transaction() as tx:
            row = (await tx.execute(text(STATE))).one()
        gauges = (self.outbox_pending, self.outbox_age, self.parked, self.parked_scopes, self.oldest_transaction)
        for gauge, value in zip(gauges, row, strict=True):
            gauge.labels(self._service).set(float(value or 0))

    def text(self) -> bytes:
        return generate_latest(self.registry)


STATE = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 10000) AS o),
       extract(epoch FROM now() - (SELECT created_at FROM outbox ORDER BY id LIMIT 1)),
       (SELECT count(*) FROM parked_event),
       (SELECT count(*) FROM parked_scope),
       (SELECT extract(epoch FROM now() - min(xact_start)) FROM pg_stat_activity WHERE datname = current_database())
"""


def monotonic() -> float:
    return time.monotonic()
