"""The batch door: one subscriber per service, one transaction per partition chunk, offsets after commits."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream.kafka import KafkaBroker
from faststream.message.message import AckStatus
from faststream.middlewares import AckPolicy

from shared.db import Database, utcnow
from shared.door.again import Again
from shared.door.decode import Decoder, Entry
from shared.door.stats import Kind, Stats
from shared.door.work import Apply, Interrupted, Listener, Prefetch, Worker
from shared.events.base import CommandRefused, Event

log = logging.getLogger(__name__)

Records = Sequence[ConsumerRecord[Any, Any]]
CommitOffset = Callable[[dict[TopicPartition, int]], Awaitable[None]]
CHUNK = 200


class Door:
    """`name` is the consumer group. `@door.on(Fact)` decorates `async def on_fact(event, tx)`; `prefetch` loads and
    locks what a chunk of such events needs, in one query."""

    def __init__(self, name: str, refused: type[CommandRefused] | None = None) -> None:
        self.name = name
        self.refused = refused
        self.listeners: dict[type[Event], Listener] = {}
        self.states: dict[type[Event], Apply] = {}

    def on(self, fact: type[Event], prefetch: Prefetch | None = None) -> Callable[[Apply], Apply]:
        def listen(apply: Apply) -> Apply:
            self.listeners[fact] = Listener(apply, prefetch)
            return apply

        return listen

    def on_state(self, fact: type[Event]) -> Callable[[Apply], Apply]:
        """For topics of state, kept for good, where the highest version wins: no inbox row, no horizon, no parking."""

        def listen(apply: Apply) -> Apply:
            self.states[fact] = apply
            return apply

        return listen

    @property
    def facts(self) -> dict[tuple[str, str], type[Event]]:
        return {(fact.topic, fact.model_fields["type"].default): fact for fact in (*self.listeners, *self.states)}

    @property
    def heard(self) -> set[type[Event]]:
        return {*self.listeners, *self.states}

    @property
    def topics(self) -> list[str]:
        return sorted({topic for topic, _ in self.facts})


class OpenDoor(ConsumerRebalanceListener):  # type: ignore[misc]
    """A door with its database and its consumer. As rebalance listener it lets revoking wait for the running chunk."""

    def __init__(
        self, door: Door, db: Database, *, inbox_days: int = 35, stay: float = 100.0, drain: float = 20.0
    ) -> None:
        """`stay`: seconds of retrying in place, below the poll interval; `drain`: seconds a revocation waits."""
        self.door, self.db, self.stay, self.drain = door, db, stay, drain
        self.stats = Stats()
        self.commit_offset: CommitOffset | None = None
        self.stopping = self.revoking = self.joined = False
        self._entered = 0.0
        self._idle = asyncio.Event()
        self._idle.set()
        self._decoder = Decoder(door.facts, inbox_days)
        self._worker = Worker(db, door.listeners, door.refused, self._leave, self.stats)
        self.again = Again(db, replace(self._decoder, inbox_days=36_500), self._worker)
        self._state_topics = {fact.topic for fact in door.states}

    def subscribe(self, broker: KafkaBroker, **settings: Any) -> Any:
        """The one place where a subscriber is made: by default it would lose events on errors, begin at the end of a
        topic and belong to no group."""
        subscriber = broker.subscriber(
            *self.door.topics,
            group_id=self.door.name,
            batch=True,
            max_records=CHUNK,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            parser=_parse,
            decoder=_decode,
            listener=self,
            **settings,
        )
        subscriber(self.handle)
        if self.commit_offset is None:
            self.commit_offset = lambda offsets: subscriber.consumer.commit(offsets)
        return subscriber

    async def handle(self, records: Any) -> None:
        self._entered = time.monotonic()
        self._idle.clear()
        try:
            committed = [await self._chunk(chunk) for chunk in _by_topic(records)]
            if isinstance(records, Batch) and all(committed):
                records.message.committed = AckStatus.ACKED
        except Interrupted:
            await asyncio.sleep(0 if self.revoking or self.stopping else 1)
            raise
        finally:
            self._idle.set()

    async def _chunk(self, records: Records) -> bool:
        """Whether the offsets behind it were committed."""
        if self.revoking:
            raise Interrupted
        started, topic = time.monotonic(), records[0].topic
        if topic in self._state_topics:
            await self._take_state(topic, records)
        else:
            await self._take(topic, records)
        self.stats.took.note(time.monotonic() - started)
        self.stats.size.note(len(records))
        return await self._commit(records)

    async def _take(self, topic: str, records: Records) -> None:
        now = utcnow()
        entries = [entry for record in records if (entry := self._decoder.decode(record, now))]
        if skipped := len(records) - len(entries):
            self.stats.count(topic, {("other", "skipped"): skipped})
        if entries:
            await self._worker.work(entries)

    async def _take_state(self, topic: str, records: Records) -> None:
        """Credentials must not wait behind anything: one that cannot be taken is logged, never parked."""
        entries = [
            entry for record in records if record.value and (entry := self.again.decoder.decode(record, utcnow()))
        ]
        taken = [True] * len(entries)
        try:
            await self._worker.settle(partial(self._apply_state, entries))
        except Interrupted:
            raise
        except Exception:
            taken = [await self._take_one_state(entry) for entry in entries]
        applied = [entry for entry, was_taken in zip(entries, taken, strict=True) if was_taken and entry.event]
        kinds: Counter[Kind] = Counter((entry.type, "dropped") for entry in entries)
        kinds.subtract((entry.type, "dropped") for entry in applied)
        self.stats.count(topic, kinds + Counter((entry.type, "applied") for entry in applied))
        self.stats.committed(topic, [entry.record.timestamp for entry in applied])

    async def _take_one_state(self, entry: Entry) -> bool:
        try:
            await self._worker.settle(partial(self._apply_state, [entry]))
            return True
        except Interrupted:
            raise
        except Exception as error:
            log.error("a state record cannot be taken", exc_info=error, extra={"event_id": str(entry.event_id)})
            return False

    async def _apply_state(self, entries: Sequence[Entry]) -> None:
        async with self.db.transaction() as tx:
            for entry in entries:
                if entry.error or not entry.event or not entry.fact:
                    log.error("a state record cannot be read", extra={"error": entry.error})
                    continue
                await self.door.states[entry.fact](entry.event, tx)

    async def _commit(self, records: Records) -> bool:
        if self.commit_offset is None:
            return False
        try:
            places = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
            await asyncio.wait_for(self.commit_offset(places), timeout=5)
            return True
        except Exception as error:
            # A hint only: what comes again is skipped by the inbox.
            self.stats.failed_commits += 1
            log.warning("an offset was not committed", extra={"error": str(error)[:200]})
            return False

    def _leave(self) -> bool:
        return self.revoking or self.stopping or time.monotonic() - self._entered > self.stay

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.revoking = True
        try:
            await asyncio.wait_for(self._idle.wait(), self.drain)
        except TimeoutError:
            log.warning("a chunk outlasts the rebalance; the inbox and the locks keep it harmless")

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.revoking, self.joined = False, True

    @property
    def idle(self) -> bool:
        return self._idle.is_set()

    @property
    def retrying(self) -> bool:
        return self._worker.retrying


async def _parse(records: Records, original: Any) -> Any:
    """The default parser fails on a header that is not UTF-8 or has no value, and the batch is then neither handled nor
    nacked: let it see copies without headers, and put the raw records back."""
    bare = []
    for record in records:
        twin = copy(record)
        object.__setattr__(twin, "headers", ())
        bare.append(twin)
    message = await original(tuple(bare))
    message.raw_message = tuple(records)
    return message


async def _decode(message: Any, original: Any) -> Any:
    raw = message.raw_message
    return Batch(raw if isinstance(raw, tuple | list) else [raw], message)


class Batch(list[ConsumerRecord[Any, Any]]):
    """The raw records of one poll, with the framework's message: once their offsets are committed, it need not do it
    again, which would be another round trip to the broker."""

    def __init__(self, records: Iterable[ConsumerRecord[Any, Any]], message: Any) -> None:
        super().__init__(records)
        self.message = message


def _by_topic(records: Records) -> list[Records]:
    """What one poll brought of a topic is one transaction: every partition's run in offset order, the partitions always
    in the same order, so that two members never take inbox rows crosswise. A transaction costs milliseconds whatever
    is in it, and at moderate rates a poll brings a record or two of each partition (docs/decisions/0019)."""
    topics: dict[str, list[ConsumerRecord[Any, Any]]] = {}
    for record in records:
        topics.setdefault(record.topic, []).append(record)
    return [
        rows[start : start + CHUNK]
        for rows in (sorted(rows, key=lambda r: (r.partition, r.offset)) for rows in topics.values())
        for start in range(0, len(rows), CHUNK)
    ]
