"""What one poll brought of a topic: one transaction, then bisecting, then parking (decisions 9 and 19)."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from shared import parking
from shared.db import Database, is_transient
from shared.db.outage import cause_of
from shared.door.decode import Entry, storable
from shared.door.stats import Kind, Stats
from shared.errors import DomainError
from shared.events.base import Command, CommandRefused, Event
from shared.inbox import mark_new
from shared.outbox import announce

log = logging.getLogger(__name__)

Apply = Callable[[Any, AsyncSession], Awaitable[None]]
Prefetch = Callable[[AsyncSession, Sequence[Any]], Awaitable[None]]


@dataclass(frozen=True)
class Listener:
    apply: Apply
    prefetch: Prefetch | None = None


class Interrupted(Exception):
    """The partition is being taken away, the process stops, or the stay got too long: the records come again."""


def sentence_of(error: Exception) -> str:
    """For the operator who finds the event parked."""
    if isinstance(error, DomainError):
        return error.message
    cause = cause_of(error)
    return f"{type(cause).__name__}: {str(cause)[:500]}"


@dataclass
class Worker:
    """Applies entries in offset order. `leave()` says when a retry in place has to end."""

    db: Database
    listeners: Mapping[type[Event], Listener]
    refused: type[CommandRefused] | None
    leave: Callable[[], bool]
    stats: Stats
    retrying: bool = False

    async def work(self, entries: Sequence[Entry]) -> None:
        failure = await self._failure_of(entries)
        if failure is None:
            return
        if len(entries) == 1:
            await self.settle(partial(self._set_aside, entries[0], failure))
            return
        self.stats.bisected += 1
        half = len(entries) // 2
        await self.work(entries[:half])
        await self.work(entries[half:])

    async def _failure_of(self, entries: Sequence[Entry]) -> Exception | None:
        try:
            await self.settle(lambda: self._apply(entries))
        except Interrupted:
            raise
        except Exception as error:
            return error
        return None

    async def settle(self, attempt: Callable[[], Awaitable[None]]) -> None:
        pause = 0.05
        while True:
            try:
                await attempt()
                self.retrying = False
                return
            except Exception as error:
                if not is_transient(error):
                    raise
                if not self.retrying:  # an attempt more is no news
                    log.warning("the database is not to be had, trying again", extra={"error": str(error)[:200]})
                self.retrying = True
                self.stats.transient += 1
            if self.leave():
                self.retrying = False
                raise Interrupted
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, 2.0)

    async def _apply(self, entries: Sequence[Entry]) -> None:
        topic = entries[0].record.topic
        async with self.db.transaction() as tx:
            fresh = await mark_new(tx, topic, [entry.event_id for entry in entries])
            known = [entry.scope for entry in entries if entry.scope and entry.event_id in fresh]
            blocked = await parking.blocked(tx, topic, known)
            await self._prefetch(tx, [entry for entry in entries if self._applies(entry, fresh, blocked)])
            done = [(entry, await self._one(tx, entry, fresh, blocked)) for entry in entries]
        kinds: Counter[Kind] = Counter((entry.type, outcome) for entry, outcome in done)
        parked = [entry for entry, outcome in done if outcome in ("parked", "waiting")]
        self.stats.count(topic, kinds)
        self.stats.errors["Unreadable"] += sum(entry.error is not None for entry in parked)
        self.stats.committed(topic, [entry.record.timestamp for entry, outcome in done if outcome == "applied"])
        for entry in parked:
            _say_parked(entry, entry.error)

    async def _one(self, tx: AsyncSession, entry: Entry, fresh: set[Any], blocked: set[str]) -> str:
        """What became of it."""
        if entry.event_id not in fresh:
            return "duplicate"
        fresh.discard(entry.event_id)
        if self._applies(entry, {entry.event_id}, blocked):
            await self._listen(tx, entry)
            return "applied"
        await parking.park(tx, entry.parked(entry.error))
        if entry.error and entry.scope:
            blocked.add(entry.scope)
        return "parked" if entry.error else "waiting"

    @staticmethod
    def _applies(entry: Entry, fresh: set[Any], blocked: set[str]) -> bool:
        return entry.error is None and entry.event_id in fresh and entry.scope not in blocked

    async def _prefetch(self, tx: AsyncSession, entries: Sequence[Entry]) -> None:
        by_fact: dict[type[Event], list[Event]] = {}
        for entry in entries:
            if entry.fact and entry.event:
                by_fact.setdefault(entry.fact, []).append(entry.event)
        for fact, events in by_fact.items():
            if prefetch := self.listeners[fact].prefetch:
                await prefetch(tx, events)

    async def apply_one(self, tx: AsyncSession, entry: Entry) -> None:
        """For a retry: what a chunk does, for one event."""
        await self._prefetch(tx, [entry])
        await self._listen(tx, entry)

    async def _listen(self, tx: AsyncSession, entry: Entry) -> None:
        if entry.fact and entry.event:
            tx.info["correlation_id"] = _header(entry, "correlation_id") or entry.event.told_id
            tx.info["traceparent"] = _header(entry, "traceparent")
            await self.listeners[entry.fact].apply(entry.event, tx)

    async def _set_aside(self, entry: Entry, error: Exception) -> None:
        """The end of one event that could not be applied: an answer where a rule refused a command, else parked."""
        if not isinstance(error, DomainError):
            log.error("an event could not be applied", exc_info=error, extra={"event_id": str(entry.event_id)})
        topic, outcome = entry.record.topic, "duplicate"
        async with self.db.transaction() as tx:
            if await mark_new(tx, topic, [entry.event_id]):
                outcome = "refused" if self.answer(tx, entry, error) else "parked"
            if outcome == "parked":
                await parking.park(tx, entry.parked(sentence_of(error)))
        self.stats.count(topic, {(entry.type, outcome): 1})
        self.stats.errors[type(error).__name__] += outcome != "duplicate"
        if outcome == "parked":
            _say_parked(entry, error.message if isinstance(error, DomainError) else type(cause_of(error)).__name__)

    def answer(self, tx: AsyncSession, entry: Entry, error: Exception) -> bool:
        """Whether it was a command that a rule refused; then whoever asked is told."""
        if not (isinstance(error, DomainError) and self.refused and isinstance(entry.event, Command)):
            return False
        announce(tx, refusal(self.refused, entry.event, error))
        return True


def _say_parked(entry: Entry, reason: str | None) -> None:
    """After the commit, and without a word of the payload."""
    told = {"topic": entry.record.topic, "scope": entry.scope, "event_id": str(entry.event_id)}
    if reason:
        log.warning("a record is parked", extra={**told, "reason": reason})
    else:
        log.info("a record waits behind a parked one", extra=told)


def refusal(kind: type[CommandRefused], command: Command, error: DomainError) -> CommandRefused:
    return kind.model_validate(
        {
            "type": "command_refused",
            "occurred_at": command.occurred_at,
            "account_id": command.account_id,
            "causation_id": command.told_id,
            "command_id": command.told_id,
            "command_type": command.type,
            "code": error.code,
            "message": error.message,
        }
    )


def _header(entry: Entry, name: str) -> str | None:
    for key, value in entry.record.headers:
        if key == name and value:
            return storable(value.decode(errors="replace")[:200])
    return None
