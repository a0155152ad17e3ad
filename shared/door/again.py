"""What is parked is applied again when an operator says so: one event a transaction, the scope's row locked."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from shared import parking
from shared.db import Database, is_transient, utcnow
from shared.door.decode import Decoder, Entry, storable
from shared.door.work import Worker, sentence_of
from shared.errors import Conflict, DomainError, NotFound
from shared.inbox import mark_new


@dataclass(frozen=True)
class Again:
    """`decoder` knows no horizon here: an operator has looked at what is older."""

    db: Database
    decoder: Decoder
    worker: Worker

    async def retry(self, topic: str, scope: str) -> int:
        """Apply what is parked for a scope until it is drained or one fails again; how many were applied."""
        done = 0
        try:
            while await self._next(topic, scope):
                done += 1
        except NotFound:
            if not done:
                raise
        return done

    async def _next(self, topic: str, scope: str) -> bool:
        row: Any = None
        try:
            async with self.db.transaction() as tx:
                await parking.lock_scope(tx, topic, scope)
                row = await parking.next_of(tx, topic, scope)
                if row is None:
                    await parking.end_of_scope(tx, topic, scope)
                    return False
                await self._apply(tx, row)
        except Exception as error:
            return await self._failed(row, error)
        return True

    async def retry_alone(self, seq: int) -> bool:
        """The same for one event that was parked without scope."""
        row: Any = None
        try:
            async with self.db.transaction() as tx:
                row = await parking.lock_lone(tx, seq)
                await self._apply(tx, row)
        except Exception as error:
            return await self._failed(row, error)
        return True

    async def _failed(self, row: Any, error: Exception) -> bool:
        if row is None or is_transient(error):
            raise error
        async with self.db.transaction() as tx:
            if self.worker.answer(tx, self._decoded(row), error):
                return await parking.taken(tx, row.seq)
            await parking.failed_again(tx, row.topic, row.scope, row.seq, storable(sentence_of(error)))
        return False

    async def _apply(self, tx: AsyncSession, row: Any) -> None:
        """The row's deletion under the lock is what makes it once. An id that a correction brought is new to the inbox,
        or was sent again meanwhile and has taken effect."""
        entry = self._decoded(row)
        if entry.error or entry.fact is None or entry.event is None:
            raise DomainError(entry.error or "Nobody here listens to this type; discard the event.")
        if row.scope is None and await parking.blocked(tx, row.topic, [entry.event.subject]):
            raise Conflict(f"Earlier events of {entry.event.subject} are parked; retry those first.")
        if entry.event_id == row.event_id or await mark_new(tx, row.topic, [entry.event_id]):
            await self.worker.apply_one(tx, entry)
        await parking.taken(tx, row.seq)

    def _decoded(self, row: Any) -> Entry:
        record = parking.as_record(row)
        return self.decoder.decode(record, utcnow()) or Entry(record, row.event_id)
