from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import text

from services.billing.app import build
from services.billing.cli import load
from services.billing.settings import Settings
from shared.db import Database
from shared.devstack.chosen import Postgres
from shared.migrate import ROOT
from shared.service import Service
from tests.conftest import CLEAN, ENVIRONMENT, World, copy_database
from tests.makers import NOW


async def stock(db: Database) -> None:
    db._given["kept"].clear()  # what another test had loaded
    await load(db, ROOT / "docs" / "catalogue.toml", "tests", NOW)


@pytest_asyncio.fixture
async def shop(world: World) -> World:
    """Billing with its dated data, and an account without money."""
    await stock(world.billing.db)
    return world


TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
AND relname <> 'alembic_version'
"""


@pytest_asyncio.fixture(scope="session")
async def on_its_own(postgres: Postgres, databases: dict[str, str]) -> AsyncIterator[Service]:
    url = await copy_database(postgres, CLEAN, "billing_alone")
    service = build(Settings.from_environment({**ENVIRONMENT, "ISSUARY_DATABASE_URL": url}))
    yield service
    await service.stop()


@pytest_asyncio.fixture
async def alone(on_its_own: Service) -> Service:
    """Billing on a database of its own, emptied before, with real commits and several connections."""
    db = on_its_own.db
    async with db.transaction() as tx:
        tables = await tx.scalars(text(TABLES))
        await tx.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"))
    await stock(db)
    return on_its_own
