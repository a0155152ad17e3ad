import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.devstack.chosen import STACK, STACKS, Postgres, new_postgres
from shared.devstack.engine import NoEngine, check_engine
from shared.events.base import Event
from shared.host import Host
from shared.migrate import upgrade
from shared.relay import Relay
from shared.service import Service
from tests.bus import Bus, as_record
from tests.workers import ByFile

SERVICES = tuple(
    n for n in ("orders", "billing", "validation", "notifications") if Path(f"services/{n}/app.py").exists()
)
HERE = Path(__file__).parent
CLEAN = "billing_clean"
SERVICE_KEY = "service-key-of-the-tests"
ENVIRONMENT = {
    "ISSUARY_ENV": "dev",
    "ISSUARY_ORDERS_ISSUER": "built-in",
    "ISSUARY_ORDERS_ANSWER_WITHIN": "0.1",
    "ISSUARY_ORDERS_ISSUERS": "ssl_dv_rapidssl=events,cloud_dv_geotrust=acme",
    "ISSUARY_SESSION_SECRET": "session-secret-of-the-tests",
    "ISSUARY_SERVICE_KEY": SERVICE_KEY,
    "ISSUARY_RATE_LIMITS": "none",
    "ISSUARY_VALIDATION_TEST_MODE": "1",
    "ISSUARY_VALIDATION_RESOLVERS": "127.0.0.1:1",
}


# A machine that has other work to do makes no test wrong.
settings.register_profile("whatever time it takes", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever time it takes")


def pytest_configure() -> None:
    if STACK not in STACKS:
        pytest.exit(f"There is no STACK={STACK}; there are {' and '.join(STACKS)}.", returncode=2)
    if STACK == "containers":
        try:
            check_engine()
        except NoEngine as error:
            pytest.exit(str(error), returncode=2)


# The kernel closes what a killed process leaves open; what is killed in these folders leaves it to the collector.
KILLING = {"connected", "failover"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folders = set(Path(item.path).relative_to(HERE).parts)
        if "containers" in folders:
            item.add_marker("containers")
        if folders & KILLING:
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
        if item.get_closest_marker("containers") and STACK != "containers":
            item.add_marker(pytest.mark.skip(reason="needs a container engine: STACK=containers make test"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


@pytest_asyncio.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    async with new_postgres(tmp_path_factory.mktemp("postgres") / "data", durable=False) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def databases(postgres: Postgres) -> dict[str, str]:
    """One migrated database per service, for the whole run; tests undo what they do."""
    await postgres.make_databases(list(SERVICES))
    urls = {name: postgres.url(name) for name in SERVICES}
    for name, url in urls.items():
        await asyncio.to_thread(upgrade, name, url)
    await copy_database(postgres, "billing", CLEAN)  # nobody ever connects to it, so that copies can be made of it
    return urls


async def copy_database(postgres: Postgres, template: str, name: str) -> str:
    connection = await postgres.connect()
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    await connection.close()
    return postgres.url(name)


@pytest_asyncio.fixture(scope="session")
async def engines(databases: dict[str, str]) -> AsyncIterator[dict[str, AsyncEngine]]:
    made = {name: create_async_engine(url) for name, url in databases.items()}
    yield made
    for engine in made.values():
        await engine.dispose()


@pytest_asyncio.fixture(scope="session")
async def built(databases: dict[str, str]) -> AsyncIterator[dict[str, Service]]:
    services = {}
    for name, url in databases.items():
        environment = {**ENVIRONMENT, "ISSUARY_DATABASE_URL": url}
        settings = import_module(f"services.{name}.settings").Settings.from_environment(environment)
        services[name] = import_module(f"services.{name}.app").build(settings)
        services[name].door.commit_offset = None  # there is no broker here
    yield services
    for service in services.values():
        await service.stop()


class World:
    """All services on real databases in transactions that are undone, and a bus between them."""

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services
        self.bus = Bus()
        self.host = Host(list(services.values()))
        self.relays = {name: Relay(s.db, self.bus, None, _nothing) for name, s in services.items()}

    def __getattr__(self, name: str) -> Service:
        if name not in self.services:
            raise AttributeError(name)  # hypothesis looks at its arguments
        return self.services[name]

    async def settle(self, *, steps: bool = True, rounds: int = 60) -> None:
        """Run relays, doors and steps until nothing has work left."""
        for _ in range(rounds):
            moved = False
            for name, service in self.services.items():
                while await self.relays[name].step():
                    moved = True
                moved |= bool(await self.bus.pump(service))
                for step in service.steps if steps else ():
                    moved |= await step()
            if not moved:
                return
        raise AssertionError("the services do not come to rest")

    async def said(self, service: str, *types: str) -> list[dict[str, Any]]:
        """What the service announced, in order, whether sent already or not."""
        rows = await self.rows(
            service,
            "SELECT id, payload FROM outbox UNION ALL SELECT id, payload FROM published ORDER BY id",
        )
        events = [json.loads(bytes(row.payload)) for row in rows]
        return [event for event in events if not types or event["type"] in types]

    async def rows(self, service: str, sql: str, **parameters: Any) -> list[Any]:
        async with self.services[service].db.transaction() as tx:
            return list(await tx.execute(text(sql), parameters))

    async def deliver(self, service: str, *events: Event) -> None:
        """Put events through the service's door as one batch of raw records."""
        await self.services[service].door.handle([as_record(event, n) for n, event in enumerate(events)])

    async def parked(self, service: str) -> list[Any]:
        return await self.rows(service, "SELECT * FROM parked_event ORDER BY seq")

    @asynccontextmanager
    async def client(self, key: str | None = None, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """HTTP to all services behind one port."""
        given = {**headers, **({"X-DC-DEVKEY": key} if key else {})}
        transport = httpx.ASGITransport(self.host, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://issuary.test", headers=given) as client:
            yield client


async def _nothing() -> None:
    return None


@asynccontextmanager
async def undone(built: dict[str, Service], engines: dict[str, AsyncEngine]) -> AsyncIterator[World]:
    connections = {name: await engine.connect() for name, engine in engines.items()}
    outer = {name: await connection.begin() for name, connection in connections.items()}
    binds = {name: service.db.bind for name, service in built.items()}
    for name, service in built.items():
        service.db.rebind(connections[name])
        async with service.db.transaction() as tx:  # what the process kept is of another test
            tx.info.get("kept", {}).clear()
    yield World(built)
    for name, service in built.items():
        service.db.rebind(binds[name])
        await outer[name].rollback()
        await connections[name].close()


@pytest_asyncio.fixture
async def world(built: dict[str, Service], engines: dict[str, AsyncEngine]) -> AsyncIterator[World]:
    async with undone(built, engines) as world:
        yield world
