from collections.abc import AsyncIterator

import pytest_asyncio

from shared.db import Database, make_engine
from shared.devstack.postgres import Postgres
from tests.toy import Toy, make_tables


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
