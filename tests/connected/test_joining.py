import asyncio

import pytest

from shared.devstack.chosen import Broker, Postgres
from shared.service import Service, make_service
from tests.connected.kit import settings_of
from tests.toy import make_door
from tests.waiting import until

pytestmark = pytest.mark.connected


async def until_it_waits(service: Service) -> str:
    await until(lambda: "the consumer group" in service.waiting.reasons, 20, "it waits for the group")
    return service.waiting.reasons["the consumer group"]


async def test_kafka_that_goes_between_connecting_and_joining_is_waited_for(broker: Broker, postgres: Postgres) -> None:
    await postgres.make_databases(["joining"])
    service = make_service("toy", settings_of(broker, database_url=postgres.url("joining")), door=make_door())
    await service._connect()
    await broker.kill()
    joining = asyncio.create_task(service.waiting.until("the consumer group", service._join))

    said = await until_it_waits(service)
    left = service.subscriber.consumer
    await broker.start()
    await broker.make_topics(service.door.door.topics)
    await asyncio.wait_for(joining, 30)

    assert said.startswith(f"waits for Kafka at {broker.address}")
    assert left is None
    assert service.waiting.reasons == {}
    assert service._is_member
    await service.stop()
