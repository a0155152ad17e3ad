import pytest_asyncio

from services.billing.cli import load
from shared.migrate import ROOT
from tests.conftest import World
from tests.makers import NOW


@pytest_asyncio.fixture
async def shop(world: World) -> World:
    """Billing with its dated data, and an account without money."""
    world.billing.db._given["kept"].clear()  # what another test had loaded
    await load(world.billing.db, ROOT / "docs" / "catalogue.toml", "tests", NOW)
    return world
