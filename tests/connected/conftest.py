import gc
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from shared.devstack.chosen import Broker, Postgres, new_broker
from tests.connected.kit import Rig
from tests.toy import COMMANDS, OUT, TOPIC


@pytest.fixture(scope="module", autouse=True)
def the_killed_are_collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest_asyncio.fixture(scope="session")
async def one_broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    async with new_broker(tmp_path_factory.mktemp("broker") / "log") as broker:
        yield broker


@pytest_asyncio.fixture
async def broker(one_broker: Broker) -> Broker:
    await one_broker.clear()
    await one_broker.make_topics([TOPIC, COMMANDS, OUT])
    return one_broker


@pytest_asyncio.fixture
async def rig(broker: Broker, postgres: Postgres) -> AsyncIterator[Rig]:
    async with Rig(broker, postgres) as rig:
        yield rig
