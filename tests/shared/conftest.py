from collections.abc import AsyncIterator

import pytest_asyncio

from shared.access import take_credential
from shared.db import Database, make_engine
from shared.devstack.chosen import Postgres
from shared.service import Service, make_service
from shared.settings import BaseSettings
from tests.shared.test_state import a_credential
from tests.shared.web import SECRET, router
from tests.toy import Toy, make_door, make_tables


@pytest_asyncio.fixture(scope="session")
async def toy_database(postgres: Postgres) -> AsyncIterator[Toy]:
    await postgres.make_databases(["toy"])
    url = postgres.url("toy")
    engine = make_engine(url, "toy", pool_size=24)
    await make_tables(engine)
    yield Toy(url, engine, Database(engine))
    await engine.dispose()


@pytest_asyncio.fixture
async def toy(toy_database: Toy) -> Toy:
    """The toy service on a database of its own, where commits are real, emptied for each test."""
    await toy_database.empty()
    toy_database.db = Database(toy_database.engine)
    return toy_database


@pytest_asyncio.fixture
async def service(toy: Toy) -> AsyncIterator[Service]:
    settings = BaseSettings(database_url=toy.url, session_secret=SECRET, service_key="the-service-key")
    service = make_service("toy", settings, door=make_door(), routers=[router])
    service.door.commit_offset = None
    async with toy.db.transaction() as tx:
        await take_credential(tx, a_credential())
        await take_credential(tx, a_credential(credential_id="user-71", kind="user", key_hash=None))
    yield service
    await service.db.bind.dispose()  # type: ignore[union-attr]
