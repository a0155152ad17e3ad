"""How a service meets Kafka. What was tried with these settings: `docs/kafka.md`."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.protocol.commit import OffsetFetchRequest, OffsetFetchRequest_v1
from faststream.kafka import KafkaBroker

from shared.settings import BaseSettings
from shared.wire import kafka_security

# From version 2 on, the answer has one error for all of it, and aiokafka does not look there: "still loading" and "not
# the coordinator", as after a broker's fall, would pass for "nothing committed", and all would be read once more.
OffsetFetchRequest._CLASSES = (OffsetFetchRequest_v1,)


def make_broker(settings: BaseSettings, client_id: str) -> KafkaBroker:
    return KafkaBroker(
        settings.kafka.split(","),
        security=kafka_security(settings),
        client_id=f"issuary-{client_id}",
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        metadata_max_age_ms=settings.kafka_metadata_max_age_ms,
        linger_ms=settings.kafka_linger_ms,
        max_batch_size=262_144,
        compression_type=None if settings.kafka_compression == "none" else settings.kafka_compression,
        allow_auto_create_topics=False,  # an auto-created topic has one partition
        graceful_timeout=30,
        logger=logging.getLogger("issuary.kafka"),
        log_level=logging.DEBUG,
        apply_types=False,
    )


def consumer_settings(settings: BaseSettings) -> dict[str, Any]:
    return {
        "fetch_max_wait_ms": settings.kafka_fetch_max_wait_ms,
        "batch_timeout_ms": settings.kafka_batch_timeout_ms,
        "session_timeout_ms": settings.kafka_session_timeout_ms,
        "heartbeat_interval_ms": settings.kafka_heartbeat_interval_ms,
        "rebalance_timeout_ms": settings.kafka_rebalance_timeout_ms,
        "max_poll_interval_ms": settings.kafka_max_poll_interval_ms,
        "partition_assignment_strategy": (RangePartitionAssignor,),
    }


def limits(settings: BaseSettings) -> dict[str, float]:
    """Seconds. A member that retries in place, or lets a rebalance wait, has to be back well before the group gives it
    up."""
    return {
        "stay": settings.kafka_max_poll_interval_ms / 3000,
        "drain": settings.kafka_rebalance_timeout_ms / 3000,
    }


class BrokerProducer:
    """The relay's producer: a broker of its own, so that it can be restarted alone after an error."""

    def __init__(self, broker: KafkaBroker, knock: Callable[[], Awaitable[None]] | None = None) -> None:
        """`knock` raises where Kafka is not to be had: a client that cannot start is never closed by FastStream."""
        self._broker, self._knock = broker, knock

    async def send(self, topic: str, key: str, headers: dict[str, str], payload: bytes) -> Awaitable[Any] | None:
        answer: Awaitable[Any] | None = await self._broker.publish(
            payload,
            topic=topic,
            key=key.encode(),
            headers=headers,
            correlation_id=headers.get("correlation_id"),
            no_confirm=True,
        )
        return answer

    async def restart(self) -> None:
        with suppress(Exception):
            await self._broker.stop()
        if self._knock:
            await self._knock()
        await self._broker.start()
