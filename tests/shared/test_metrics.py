"""What a service shows to Prometheus, seen as Prometheus sees it."""

import errno
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from shared.relay import Relay
from shared.service import Service, make_service
from shared.service.scrape import scrape
from shared.settings import BaseSettings
from shared.tally import Tally
from shared.watch.state import STATE, read_state
from shared.web.timing import Timing
from tests.bus import Bus, as_record, record
from tests.makers import NOW
from tests.shared.web import API, client
from tests.toy import COMMANDS, TOPIC, Count, Toy, counted, make_door

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def shown(service: Service) -> Samples:
    samples = {}
    for family in text_string_to_metric_families((await scrape(service)).decode()):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "service"}
            samples[sample.name, frozenset(labels.items())] = sample.value
    return samples


def of(samples: Samples, name: str) -> dict[str, float]:
    """Values by their labels, written in the order of the labels' names."""
    return {" ".join(value for _, value in sorted(labels)): n for (told, labels), n in samples.items() if told == name}


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_request_is_counted_under_its_route_never_under_its_path(service: Service) -> None:
    async with client(service) as http:
        for path in (f"{API}/7", f"{API}/8", f"{API}/7777", "/nothing/here", "/toy/static/nothing.css", "/crash"):
            await http.get(path)
        await http.request("BREW", f"{API}/7")
        await http.post(API, content=b"x" * 300_000)

    assert of(await shown(service), "issuary_http_seconds_count") == {
        "GET /services/v2/thing/{thing} 200": 2,
        "GET /services/v2/thing/{thing} 404": 1,
        "GET other 404": 2,
        "GET /crash 500": 1,
        "other /services/v2/thing/{thing} 405": 1,
        "POST other 413": 1,
    }


async def test_probes_are_no_requests(service: Service) -> None:
    async with client(service) as http:
        assert (await http.get("/toy/health/ready")).status_code == 503
        await http.get("/toy/health/live")
        assert "issuary_ready" in (await http.get("/toy/metrics")).text

    assert of(await shown(service), "issuary_http_seconds_count") == {}


async def test_a_caller_that_goes_away_is_no_failure_of_ours() -> None:
    seen: list[tuple[str, str, int]] = []

    async def never_answers(scope: Any, receive: Any, send: Any) -> None:
        return None

    timing = Timing(never_answers, lambda method, route, status, seconds: seen.append((method, route, status)))
    await timing({"type": "http", "method": "POST"}, never_answers, never_answers)  # type: ignore[arg-type]

    assert seen == [("POST", "other", 499)]


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_events_are_counted_by_what_became_of_them(service: Service) -> None:
    twice = counted(1, 1)
    events = [twice, counted(2, 1, fails="bug"), counted(2, 1), twice, counted(3, 1)]
    unheard = record(TOPIC, b"4", b'{"id": "x", "type": "sung"}', offset=5)
    refused = Count(occurred_at=NOW, account_id=5, fails="not today")

    await service.door.handle([*(as_record(event, n) for n, event in enumerate(events)), unheard])
    await service.door.handle([as_record(refused), record(COMMANDS, b"9", b"not JSON", offset=1)])
    samples = await shown(service)

    assert of(samples, "issuary_events_total") == {
        f"applied {TOPIC} counted": 2,
        f"duplicate {TOPIC} counted": 1,
        f"parked {TOPIC} counted": 1,
        f"waiting {TOPIC} counted": 1,
        f"skipped {TOPIC} other": 1,
        f"refused {COMMANDS} count": 1,
        f"parked {COMMANDS} other": 1,
    }
    assert of(samples, "issuary_event_errors_total") == {"ZeroDivisionError": 1, "Conflict": 1, "Unreadable": 1}
    assert of(samples, "issuary_parked_events") == {"": 3}
    assert of(samples, "issuary_parked_scopes") == {"": 1}
    assert 0 < of(samples, "issuary_parked_age_seconds")[""] < 60


async def test_the_time_of_an_event_is_from_its_record_to_its_commit_and_only_of_what_took_effect(
    service: Service,
) -> None:
    events = [counted(1, 1), counted(1, 3), counted(2, 1)]
    records = [as_record(event, n) for n, event in enumerate(events)]
    for one in records:
        object.__setattr__(one, "timestamp", int((time.time() - 2) * 1000))

    await service.door.handle(records)
    samples = await shown(service)

    buckets = of(samples, "issuary_event_seconds_bucket")
    assert (buckets[f"1.0 {TOPIC}"], buckets[f"5.0 {TOPIC}"], buckets[f"+Inf {TOPIC}"]) == (0, 2, 2)
    assert 4 <= of(samples, "issuary_event_seconds_sum")[TOPIC] < 10
    assert of(samples, "issuary_chunk_records_sum") == {"": 3}
    assert 0 <= of(samples, "issuary_commit_age_seconds")[""] < 60


async def test_the_time_of_an_announcement_is_until_the_broker_has_it(service: Service) -> None:
    await service.door.handle([as_record(counted(1, 1)), as_record(counted(1, 2), 1)])
    service.relay = Relay(service.db, Bus(), None, service.relay.keep)

    before = of(await shown(service), "issuary_outbox_pending")
    await service.relay.step()
    samples = await shown(service)

    assert (before, of(samples, "issuary_outbox_pending")) == ({"": 2}, {"": 0})
    assert of(samples, "issuary_relay_sent_total") == of(samples, "issuary_outbox_seconds_count") == {"": 2}
    assert 0 < of(samples, "issuary_outbox_seconds_sum")[""] < 60


# ── what may be gone ─────────────────────────────────────────────────────────────────────────────────────────────────


def assigned(**positions: tuple[int, int]) -> Any:
    """aiokafka's consumer, as far as lag needs it: position and high water by partition."""
    places = {TopicPartition(TOPIC, int(name[1:])): at for name, at in positions.items()}
    state: Mapping[Any, Any] = {
        place: SimpleNamespace(position=at, has_valid_position=True) for place, (at, _) in places.items()
    }
    subscription = SimpleNamespace(assignment=SimpleNamespace(state_value=state.get))
    return SimpleNamespace(
        assignment=lambda: set(places),
        highwater=lambda place: places[place][1],
        _subscription=SimpleNamespace(subscription=subscription, fetcher_idle_time=1.5),
    )


async def test_a_partition_that_went_to_another_member_leaves_no_lag_behind(service: Service) -> None:
    service.subscriber = SimpleNamespace(consumer=assigned(p0=(5, 9), p1=(3, 3)))
    both = await shown(service)
    service.subscriber = SimpleNamespace(consumer=assigned(p1=(3, 4)))
    one = await shown(service)

    assert of(both, "issuary_lag") == {f"0 {TOPIC}": 4, f"1 {TOPIC}": 0}
    assert of(one, "issuary_lag") == {f"1 {TOPIC}": 1}
    assert of(one, "issuary_poll_age_seconds") == {"": 1.5}


async def test_without_a_database_the_rest_is_shown() -> None:
    settings = BaseSettings(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/none")
    service = make_service("toy", settings, door=make_door())

    samples = await shown(service)

    assert of(samples, "issuary_database_up") == of(samples, "issuary_ready") == {"": 0}
    assert of(samples, "issuary_live") == {"": 1}
    assert of(samples, "issuary_outbox_pending") == of(samples, "issuary_parked_events") == {}
    assert of(samples, "process_resident_memory_bytes")[""] > 10_000_000


async def test_connections_that_are_in_use_are_shown(service: Service) -> None:
    async with service.db.transaction() as tx:
        await tx.execute(text("SELECT 1"))
        samples = await shown(service)

    assert of(samples, "issuary_pool_in_use") == {"": 1}
    assert of(samples, "issuary_pool_size") == {"": 8}
    assert 0 < of(samples, "issuary_oldest_transaction_seconds")[""] < 60


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (ZeroDivisionError(), 1),
        (FileNotFoundError(errno.ENOENT, "no such file", "/zone"), 1),
        (OSError(errno.EMFILE, "too many open files"), 1),
        (OSError(errno.ENOSPC, "no space left"), 1),
        (ConnectionRefusedError(), 0),
        (TimeoutError(), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_a_step_that_fails_is_counted_and_one_that_waits_for_the_database_is_not(
    service: Service, error: Exception, counted: int
) -> None:
    async def fails() -> bool:
        service._stopped.set()
        raise error

    await service._repeat(fails)

    assert of(await shown(service), "issuary_step_failures_total") == {"": counted}
    assert ("the database" in service._resting.reasons) is not counted


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

MANY = (
    "INSERT INTO outbox (event_id, topic, key, headers, payload)"
    " SELECT gen_random_uuid(), 't', 'k', '{}', 'x' FROM generate_series(1, 40000)",
    'INSERT INTO parked_event (topic, scope, event_id, partition, "offset", headers, payload)'
    " SELECT 't', 's', gen_random_uuid(), 0, 0, '[]', 'x' FROM generate_series(1, 40000)",
    "ANALYZE outbox, parked_event",
)


async def test_a_scrape_reads_no_table_to_its_end(toy: Toy) -> None:
    async with toy.engine.connect() as connection:
        for statement in MANY:
            await connection.execute(text(statement))
        plan = "\n".join((await connection.execute(text(f"EXPLAIN (ANALYZE, COSTS OFF) {STATE}"))).scalars())
        counts = (await connection.execute(text(STATE))).one()
        await connection.rollback()

    assert (counts.pending, counts.parked) == (10_000, 10_000)
    assert "Sort" not in plan
    assert "rows=40000" not in plan


async def test_ages_are_zero_where_there_is_nothing(toy: Toy) -> None:
    state = await read_state(toy.db)

    assert (state.pending, state.oldest_pending, state.parked, state.scopes, state.oldest_parked) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(("value", "place"), [(0.5, 0), (1.0, 0), (1.01, 1), (2.0, 1), (2.5, 2)])
def test_a_bound_belongs_to_what_is_below_it(value: float, place: int) -> None:
    tally = Tally((1.0, 2.0))

    tally.note(value)

    assert (tally.counts.index(1), tally.total) == (place, value)
