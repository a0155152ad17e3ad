from collections.abc import AsyncIterator

import pytest_asyncio

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import Observer
from services.validation.rules.policy import Policy
from services.validation.worker import Gate, Looker
from tests.conftest import World
from tests.validation.dns_server import DnsServer
from tests.validation.makers import a_test_policy


@pytest_asyncio.fixture
async def zone() -> AsyncIterator[DnsServer]:
    async with DnsServer() as server:
        yield server


def a_looker(world: World, zone: DnsServer, policy: Policy | None = None) -> Looker:
    policy = policy or a_test_policy()
    observer = Observer(DnsClient([Resolver(*zone.address)], 0.2), local=policy.local_tlds)
    return Looker(world.validation.db, observer, policy, 200)


async def look(world: World, zone: DnsServer, policy: Policy | None = None) -> None:
    """Make every look that is due, until nothing is under way."""
    looker = a_looker(world, zone, policy)
    while await looker.step():
        pass


def a_gate(world: World, zone: DnsServer, policy: Policy | None = None) -> Gate:
    policy = policy or a_test_policy()
    observer = Observer(DnsClient([Resolver(*zone.address)], 0.2), local=policy.local_tlds)
    return Gate(world.validation.db, observer, policy)


async def answer_questions(world: World, zone: DnsServer, policy: Policy | None = None) -> None:
    """Let every question about issuance be answered."""
    gate = a_gate(world, zone, policy)
    while await gate.step():
        pass


async def make_due(world: World) -> None:
    await world.rows("validation", "UPDATE attempt SET due_at = now() WHERE closed_at IS NULL RETURNING id")


async def let_pass(world: World, days: int) -> None:
    """Everything that has a time moves into the past; evidence cannot, so its pointer does."""
    for table, columns in {
        "attempt": ("token_created_at", "expires_at", "polls_from", "due_at", "opened_at"),
        "random_value": ("created_at",),
        "validation": ("observed_at",),
        "order_need": ("noted_at",),
        "domain": ("created_at", "submitted_at", "remind_at", "renew_at"),
    }.items():
        moves = ", ".join(f"{column} = {column} - make_interval(days => {days})" for column in columns)
        await world.rows("validation", f"UPDATE {table} SET {moves} RETURNING 1")


@pytest_asyncio.fixture
async def office(world: World, zone: DnsServer) -> World:
    from tests.validation.office import open_office  # noqa: PLC0415 - it uses the looker above

    return await open_office(world, zone)
