"""A speaker with its outbox and relay, a real broker, and members of the toy service that can be killed."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.db import Database, make_engine
from shared.devstack.chosen import BROKER_HABITS, Broker, Postgres
from shared.door import Door, OpenDoor
from shared.outbox import WRITE
from shared.relay import Leader, Producer, Relay
from shared.service.kafka import BrokerProducer, consumer_settings, make_broker
from shared.settings import BaseSettings
from tests.connected.plan import Plan
from tests.toy import Counted, Toy, lock_things, make_tables, on_counted

numbers = count(1)
BATCH = 40


def settings_of(broker: Broker, **changed: Any) -> BaseSettings:
    """As the broker needs them, with the shortest session time-out that is steady: a killed member is missed soon."""
    given = {
        "kafka": broker.address,
        "kafka_session_timeout_ms": 1000,
        "kafka_heartbeat_interval_ms": 200,
        "kafka_rebalance_timeout_ms": 3000,
        "kafka_metadata_max_age_ms": 2000,
        **changed,
    }
    return BaseSettings.from_environment(
        BROKER_HABITS | {f"ISSUARY_{name.upper()}": str(v) for name, v in given.items()}
    )


class Member:
    """One process of the toy service, as far as Kafka and PostgreSQL can tell."""

    def __init__(self, url: str, settings: BaseSettings, door_class: type[OpenDoor] = OpenDoor) -> None:
        self.name = f"member {next(numbers)}"
        self.engine = make_engine(url, self.name, pool_size=3)
        self.freeze = 0.0
        self.frozen, self.expelled = asyncio.Event(), asyncio.Event()
        self.door = door_class(
            self._door(), Database(self.engine), stay=20, drain=settings.kafka_rebalance_timeout_ms / 1200
        )
        self.broker = make_broker(settings, self.name)
        self.subscriber = self.door.subscribe(self.broker, **consumer_settings(settings))
        self.subscriber.max_records = BATCH

    def _door(self) -> Door:
        door = Door("toy")

        @door.on(Counted, prefetch=lock_things)
        async def on_counted_slowly(event: Counted, tx: AsyncSession) -> None:
            if random.random() < 0.1:
                await asyncio.sleep(random.random() / 50)
            await on_counted(event, tx)
            if self.freeze and not self.frozen.is_set():
                self.frozen.set()
                await self._sleep_on(self.freeze)

        return door

    async def _sleep_on(self, seconds: float) -> None:
        """Inside the transaction; notes when the group gives this member up meanwhile."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)
            if self.door.revoking:
                self.expelled.set()

    async def start(self) -> Self:
        await self.broker.start()
        return self

    async def stop(self) -> None:
        self.door.stopping = True
        await self.broker.stop()
        await self.engine.dispose()

    async def kill(self) -> None:
        """In the middle of whatever it does: nothing is committed any more, neither rows nor offsets."""
        for task in self.subscriber.tasks:
            task.cancel()
        consumer, self.subscriber.consumer = self.subscriber.consumer, None
        await asyncio.wait_for(consumer.stop(), 10)
        await self.engine.dispose()
        with suppress(Exception):
            await self.broker.stop()


class Forgetful(Relay):
    """A relay that dies, each fifth time, after the broker took the records and before it has noted so."""

    moves = deaths = 0

    async def _move(self, ids: list[int]) -> None:
        Forgetful.moves += 1
        if Forgetful.moves % 5 == 2:
            Forgetful.deaths += 1
            raise asyncio.CancelledError
        await super()._move(ids)


class Rig:
    def __init__(self, broker: Broker, postgres: Postgres, name: str = "rig") -> None:
        self.broker, self.postgres, self._name = broker, postgres, name
        self.settings = settings_of(broker)
        self.members: list[Member] = []
        self.door_class: type[OpenDoor] = OpenDoor

    async def __aenter__(self) -> Self:
        names = [f"{self._name}_listener", f"{self._name}_speaker"]
        await self.postgres.make_databases(names)
        self.toy, self.speaker = [await self._toy(name) for name in names]
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(member.kill() for member in self.members))
        for toy in (self.toy, self.speaker):
            await toy.engine.dispose()

    async def _toy(self, name: str) -> Toy:
        url = self.postgres.url(name)
        engine: AsyncEngine = make_engine(url, name, pool_size=4)
        toy = Toy(url, engine, Database(engine))
        if not await toy.value("SELECT to_regclass('inbox') IS NOT NULL"):
            await make_tables(engine)
        await toy.empty()
        return toy

    async def say(self, events: Sequence[Counted]) -> None:
        """Into the speaker's outbox, in one transaction."""
        headers = [json.dumps(_headers(event)) for event in events]
        columns = (
            [e.id for e in events], [e.topic for e in events], [e.key for e in events], headers,
            [e.model_dump_json().encode() for e in events],
        )  # fmt: skip
        async with self.speaker.db.transaction() as tx:
            await (await tx.connection()).exec_driver_sql(WRITE, columns)

    async def say_slowly(self, events: Sequence[Counted], pause: float = 0.05) -> None:
        for start in range(0, len(events), 100):
            await self.say(events[start : start + 100])
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def relay(self, kind: type[Relay] = Relay) -> AsyncIterator[None]:
        stop = asyncio.Event()
        running = asyncio.create_task(self._relays(kind, stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def _relays(self, kind: type[Relay], stop: asyncio.Event) -> None:
        """One process after the other: the next begins when one has died."""
        while not stop.is_set():
            sender = make_broker(self.settings, "relay")
            leader = Leader(self.speaker.url)
            await sender.start()
            producer: Producer = BrokerProducer(sender)
            with suppress(asyncio.CancelledError):
                await kind(self.speaker.db, producer, leader, _nothing).run(stop)
            await leader.release()
            await sender.stop()

    async def join(self) -> Member:
        member = Member(self.toy.url, self.settings, self.door_class)
        self.members.append(member)
        return await member.start()

    async def kill(self, member: Member) -> None:
        self.members.remove(member)
        await member.kill()

    async def a_busy_one(self, within: float = 5.0) -> Member:
        """In the middle of a chunk, if one can be caught there."""
        until = asyncio.get_running_loop().time() + within
        while not (busy := [one for one in self.members if not one.door.idle]):
            await asyncio.sleep(0.001)
            if asyncio.get_running_loop().time() > until:
                return random.choice(self.members)
        return random.choice(busy)

    async def until_sent(self) -> None:
        async with asyncio.timeout(20):
            while await self.speaker.value("SELECT count(*) FROM outbox"):  # noqa: ASYNC110 - rows of another process
                await asyncio.sleep(0.05)

    async def done(self) -> int:
        return int(
            await self.toy.value("SELECT (SELECT count(*) FROM applied) + (SELECT count(*) FROM parked_event)") or 0
        )

    async def until_done(self, number: int, quiet: float = 25.0) -> None:
        """The watchdog: a stall fails here, by name, with what is known about it."""
        clock = asyncio.get_running_loop().time
        before, since = -1, clock()
        while (now := await self._done_or(before)) < number:
            if now != before:
                before, since = now, clock()
            if clock() - since > quiet:
                raise AssertionError(
                    f"STALLED: nothing moved for {quiet} s at {now} of {number} events: {self._state()}"
                )
            await asyncio.sleep(0.1)

    async def _done_or(self, before: int) -> int:
        try:
            return await self.done()
        except Exception:
            return before  # the database is down, as some tests want it

    def _state(self) -> str:
        states = []
        for member in self.members:
            consumer = member.subscriber.consumer
            places = sorted(f"{p.topic}/{p.partition}" for p in consumer.assignment()) if consumer else "gone"
            states.append(f"{member.name}: {places}, {member.door.stats}, idle {member.door.idle}")
        return "; ".join(states)

    async def check(self, plan: Plan) -> None:
        """Every event once, in order; poison parked with all that follow it on the same thing, and nothing else."""
        assert await self.toy.versions() == plan.versions
        assert await self.toy.value("SELECT count(*) FROM applied") == sum(plan.versions.values())
        assert await self.toy.value(GAPS) == 0
        assert await self.toy.value("SELECT count(*) FROM inbox") == len(plan.events)
        parked: dict[int, list[int]] = {}
        for row in await self.toy.parked():
            body = json.loads(bytes(row.payload))
            parked.setdefault(body["account_id"], []).append(body["version"])
            assert bool(row.error) == (len(parked[body["account_id"]]) == 1), row.error
        assert parked == plan.parked
        assert await self.toy.value(OUTBOX_SWAPS) == 0
        assert await self.toy.value("SELECT count(*) FROM outbox") == sum(plan.versions.values())

    async def mend(self) -> None:
        """An operator stores a correction of each poisoned event and retries its scope."""
        await self._correct()
        door = OpenDoor(Member(self.toy.url, self.settings).door.door, self.toy.db)
        for row in await self.toy.rows("SELECT topic, scope FROM parked_scope"):
            await door.again.retry(row.topic, row.scope)

    async def _correct(self) -> None:
        async with self.toy.engine.begin() as connection:
            await connection.execute(text(CORRECT))

    async def on_the_wire(self, topic: str) -> list[str]:
        """The event id of every record, in the order of each partition."""
        return [dict(one.headers)["ce_id"].decode() for one in await self.records(topic)]

    async def records(self, topic: str) -> list[ConsumerRecord[Any, Any]]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.broker.address, auto_offset_reset="earliest")
        await consumer.start()
        found: list[ConsumerRecord[Any, Any]] = []
        try:
            ends = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
        finally:
            await consumer.stop()
        return found


def _headers(event: Counted) -> dict[str, str]:
    own = str(event.id)
    return {"ce_id": own, "ce_type": event.type, "ce_source": event.source, "correlation_id": own}


async def _nothing() -> None:
    return None


GAPS = """
SELECT count(*) FROM (SELECT version, lag(version, 1, 0::bigint) OVER (PARTITION BY thing ORDER BY version) AS before
                      FROM applied) AS a WHERE version <> before + 1
"""
OUTBOX_SWAPS = """
SELECT count(*) FROM (
  SELECT version, lag(version, 1, 0) OVER (PARTITION BY key ORDER BY id) AS before
  FROM (SELECT id, key, (convert_from(payload, 'UTF8')::jsonb->>'version')::int AS version FROM outbox) AS o
) AS s WHERE version <> before + 1
"""
CORRECT = """
UPDATE parked_event SET corrected = convert_to((convert_from(payload, 'UTF8')::jsonb - 'fails')::text, 'UTF8')
WHERE error IS NOT NULL
"""
