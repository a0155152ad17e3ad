"""Single failures of Apache Kafka and PostgreSQL, each on servers of its own; a test awaits its scenario. They mostly
wait, so some run at once: CONTAINERS_AT_ONCE says how many."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.containers.failover import (
    barrier,
    broker_loss,
    compaction,
    database,
    deploy,
    expiry,
    relay,
    storm,
    together,
    volume,
)

Scenario = Callable[[], Awaitable[None]]
SCENARIOS: list[Scenario] = [  # those that wait longest first
    expiry.a_frozen_broker_for_longer_than_a_batch_lives,
    broker_loss.all_topics_are_gone_and_the_event_logs_bring_them_back,
    deploy.a_rolling_restart_delivers_nothing_again,
    database.the_primary_dies_and_nothing_committed_is_lost,
    database.a_primary_that_lives_on_cut_off_commits_and_sends_nothing,
    relay.the_relay_is_killed_or_frozen_and_another_takes_over,
    storm.members_come_and_go_every_two_seconds_and_work_goes_on,
    barrier.a_chunk_shorter_than_the_rebalance_is_waited_for,
    barrier.a_chunk_longer_than_the_rebalance_is_expelled_and_fenced_by_the_database,
    compaction.a_new_service_finds_every_credential_as_it_is_now_on_a_compacted_topic,
    compaction.a_late_repeat_revives_a_revoked_key_where_compaction_keeps_it,
    volume.thousands_of_events_are_parked_listed_and_retried,
    together.services_of_one_process_do_what_they_do_apart,
]
AT_ONCE = int(os.environ.get("CONTAINERS_AT_ONCE", "3"))


@pytest_asyncio.fixture(scope="module")
async def plays(request: pytest.FixtureRequest) -> AsyncIterator[dict[Scenario, asyncio.Task[None]]]:
    """Of those that were asked for, in their order."""
    places = asyncio.Semaphore(AT_ONCE)
    wanted = [one.callspec.params.get("scenario") for one in request.session.items if hasattr(one, "callspec")]

    async def play(scenario: Scenario) -> None:
        async with places:
            await scenario()

    running = {scenario: asyncio.create_task(play(scenario)) for scenario in SCENARIOS if scenario in wanted}
    yield running
    for task in running.values():
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_after_a_failure_everything_took_effect_once_and_in_order(
    plays: dict[Scenario, asyncio.Task[None]], scenario: Scenario
) -> None:
    await plays[scenario]
