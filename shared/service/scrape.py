"""What a service shows to Prometheus; docs/monitoring.md says what each means and when to worry."""

import asyncio
import platform
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.door.stats import Stats
from shared.relay import RelayStats
from shared.tally import Tally
from shared.watch import Families, State, read_state

if TYPE_CHECKING:
    from shared.service import Service

PATIENCE = 3.0  # seconds; a scrape must answer when the database does not


async def scrape(service: "Service") -> bytes:
    state = await _state_of(service)
    service.look()
    families = Families(service.name)
    _show_health(families, service, state)
    _show_requests(families, service.metrics.requests)
    _show_door(families, service.door.stats)
    _show_consumer(families, service)
    _show_relay(families, service.relay.stats)
    _show_database(families, state)
    _show_pool(families, service.db.bind)
    return service.metrics.text(families.made)


async def _state_of(service: "Service") -> State | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await read_state(service.db)
    except Exception:
        return None


def _show_health(show: Families, service: "Service", state: State | None) -> None:
    ready = state is not None and not service.unready()
    build = {(service.settings.version, platform.python_version()): 1.0}
    show.gauges("build_info", "Version of Issuary and of Python", ("version", "python"), build)
    show.gauge("live", "1 where records that wait are moving", not service.live())
    show.gauge("ready", "1 where requests can be answered", ready)
    show.gauge("database_up", "1 where the database answers", state is not None)
    show.counter("step_failures", "Steps of the worker that failed", service.metrics.step_failures)


def _show_requests(show: Families, requests: dict[tuple[str, str, str], Tally]) -> None:
    show.tallies(
        "http_seconds", "Time of HTTP requests; probes are not counted", ("method", "route", "status"), requests
    )


def _show_door(show: Families, stats: Stats) -> None:
    waited = {(topic,): tally for topic, tally in stats.waited.items()}
    show.counters("events", "Events by what became of them", ("topic", "type", "outcome"), stats.events)
    show.counters("event_errors", "Events parked or refused", ("error",), _by_one(stats.errors))
    show.counter("chunks_bisected", "Chunks taken apart to find what fails", stats.bisected)
    show.counter("transient_failures", "Attempts repeated in place", stats.transient)
    show.counter("failed_offset_commits", "Offsets not noted by the broker", stats.failed_commits)
    show.tallies("event_seconds", "From a record's time to the commit", ("topic",), waited)
    show.tallies("chunk_seconds", "Time of a chunk with its repetitions", (), {(): stats.took})
    show.tallies("chunk_records", "Records of a chunk", (), {(): stats.size})


def _show_consumer(show: Families, service: "Service") -> None:
    lag = {(place.topic, str(place.partition)): float(behind) for place, behind in service.lag.behind.items()}
    commit = service.door.stats.committed_at
    show.gauges("lag", "Records behind", ("topic", "partition"), lag)
    show.gauge("joined", "1 where the consumer group is joined", service.door.joined)
    show.gauge("retrying", "1 where a chunk is repeated in place", service.door.retrying)
    show.gauge("poll_age_seconds", "Since records were asked for; 0 while waiting for them", service.poll_age())
    show.gauge("commit_age_seconds", "Since the last chunk's commit", commit and time.monotonic() - commit)


def _show_relay(show: Families, stats: RelayStats) -> None:
    show.gauge("relay_leader", "1 where this process sends", stats.leader)
    show.gauge("relay_failures", "Failures in a row", stats.failures)
    show.counter("relay_sent", "Events the broker has acknowledged", stats.sent)
    show.tallies("outbox_seconds", "From an announcing transaction to the acknowledgement", (), {(): stats.waited})


def _show_database(show: Families, state: State | None) -> None:
    if state is None:
        return
    show.gauge("outbox_pending", "Rows waiting to be sent, at most 10000", state.pending)
    show.gauge("outbox_age_seconds", "Age of the oldest waiting row", state.oldest_pending)
    show.gauge("parked_events", "Parked events, at most 10000", state.parked)
    show.gauge("parked_scopes", "Parked scopes, at most 10000", state.scopes)
    show.gauge("parked_age_seconds", "Age of the oldest parked event", state.oldest_parked)
    show.gauge("oldest_transaction_seconds", "Age of the oldest transaction", state.oldest_transaction)


def _show_pool(show: Families, bind: Any) -> None:
    if isinstance(bind, AsyncEngine):
        pool: Any = bind.pool
        show.gauge("pool_in_use", "Database connections in use", pool.checkedout())
        show.gauge("pool_size", "Database connections at most", pool.size())


def _by_one(counts: Counter[str]) -> dict[tuple[str], float]:
    return {(name,): number for name, number in counts.items() if number}
