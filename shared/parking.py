"""What could not be applied waits here with its reason, and what came after it on the same subject waits behind it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, Table, Text, delete, func, select, update
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, insert
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.ext.asyncio import AsyncSession

from shared.audit import note
from shared.db import mechanism
from shared.errors import NotFound, Rejected

parked_scope = Table(
    "parked_scope",
    mechanism,
    Column("topic", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default="0"),
)

parked_event = Table(
    "parked_event",
    mechanism,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("scope", Text),
    Column("event_id", PgUuid(as_uuid=True), nullable=False, unique=True),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", BYTEA),
    Column("headers", JSONB, nullable=False),
    Column("payload", BYTEA, nullable=False),
    Column("corrected", BYTEA),
    Column("error", Text),  # none: nothing is wrong with it, it waits behind an earlier one
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_parked_event_topic_scope_seq", "topic", "scope", "seq"),
)


@dataclass(frozen=True)
class Parked:
    """A record as it came. `headers` are [name, base64 or none] pairs, since foreign bytes need not be text."""

    topic: str
    scope: str | None
    event_id: UUID
    partition: int
    offset: int
    key: bytes | None
    headers: list[list[str | None]]
    payload: bytes
    error: str | None


async def blocked(tx: AsyncSession, topic: str, scopes: Sequence[str]) -> set[str]:
    """The scopes with something parked. Taken after the inbox rows, never before: who lost the partition may be parking
    one of them, which is seen only by who has waited for its inbox row."""
    if not scopes:
        return set()
    rows = await (await tx.connection()).exec_driver_sql(BLOCKED, (topic, list(set(scopes))))
    return {row.scope for row in rows}


BLOCKED = "SELECT scope FROM parked_scope WHERE topic = $1 AND scope = ANY ($2::text[]) ORDER BY scope FOR KEY SHARE"


async def park(tx: AsyncSession, record: Parked) -> None:
    """The caller has written its inbox row in this transaction and found it new. An existing scope is locked by an
    update that changes nothing: a retry that has found no more and is about to delete it must end first."""
    if record.scope is not None and record.error is not None:
        scope = {"topic": record.topic, "scope": record.scope, "reason": record.error}
        same = {"reason": parked_scope.c.reason}
        statement = insert(parked_scope).values(scope)
        await tx.execute(statement.on_conflict_do_update(index_elements=["topic", "scope"], set_=same))
    await tx.execute(insert(parked_event).values(**record.__dict__))


async def lock_scope(tx: AsyncSession, topic: str, scope: str) -> None:
    held = (
        select(parked_scope.c.scope)
        .where(parked_scope.c.topic == topic, parked_scope.c.scope == scope)
        .with_for_update()
    )
    if (await tx.scalars(held)).first() is None:
        raise NotFound(f"Nothing is parked for {scope} on {topic}; it may have been retried or discarded meanwhile.")


async def next_of(tx: AsyncSession, topic: str, scope: str) -> Any | None:
    first = (
        select(parked_event)
        .where(parked_event.c.topic == topic, parked_event.c.scope == scope)
        .order_by(parked_event.c.seq)
        .limit(1)
    )
    return (await tx.execute(first)).first()


async def lock_lone(tx: AsyncSession, seq: int) -> Any:
    query = select(parked_event).where(parked_event.c.seq == seq, parked_event.c.scope.is_(None)).with_for_update()
    row = (await tx.execute(query)).first()
    if row is None:
        raise NotFound(f"No event without scope is parked under {seq}; perhaps it was retried or discarded.")
    return row


def as_record(row: Any) -> ConsumerRecord[Any, Any]:
    """The parked bytes, with a correction in place of the original where an operator stored one."""
    headers = [(name, None if value is None else base64.b64decode(value)) for name, value in row.headers]
    payload = row.corrected or row.payload
    return ConsumerRecord(
        topic=row.topic, partition=row.partition, offset=row.offset, timestamp=0, timestamp_type=0, key=row.key,
        value=payload, checksum=None, serialized_key_size=len(row.key or b""), serialized_value_size=len(payload),
        headers=tuple(headers),
    )  # fmt: skip


async def taken(tx: AsyncSession, seq: int) -> bool:
    gone = await tx.execute(delete(parked_event).where(parked_event.c.seq == seq).returning(parked_event.c.seq))
    return gone.first() is not None


async def end_of_scope(tx: AsyncSession, topic: str, scope: str) -> None:
    await tx.execute(delete(parked_scope).where(parked_scope.c.topic == topic, parked_scope.c.scope == scope))


async def failed_again(tx: AsyncSession, topic: str, scope: str | None, seq: int, error: str) -> None:
    await tx.execute(
        update(parked_scope)
        .where(parked_scope.c.topic == topic, parked_scope.c.scope == scope)
        .values(attempts=parked_scope.c.attempts + 1, reason=error)
    )
    await tx.execute(update(parked_event).where(parked_event.c.seq == seq).values(error=error))


async def discard(tx: AsyncSession, seq: int, reason: str, who: str, now: datetime) -> tuple[str, str | None]:
    """Delete one parked event, with the reason in the audit log. What waited behind it can then be retried."""
    if not reason.strip():
        raise Rejected("Say why this event is discarded; the reason is kept in the audit log.")
    query = select(parked_event).where(parked_event.c.seq == seq)
    event = (await tx.execute(query)).first()
    if event is None:
        raise NotFound(f"There is no parked event {seq}; it may have been retried or discarded meanwhile.")
    if event.scope is not None:
        await lock_scope(tx, event.topic, event.scope)
    gone = await tx.execute(delete(parked_event).where(parked_event.c.seq == seq).returning(parked_event.c.seq))
    if gone.first() is None:
        raise NotFound(f"There is no parked event {seq}; it may have been retried or discarded meanwhile.")
    before = {"event_id": str(event.event_id), "error": event.error, "payload": _plain(event.payload)}
    note(tx, who, "parked event discarded", event.scope or f"{event.topic} {seq}", before, {"reason": reason}, now)
    if event.scope is not None and await next_of(tx, event.topic, event.scope) is None:
        await end_of_scope(tx, event.topic, event.scope)
    return event.topic, event.scope


async def scopes(tx: AsyncSession, after: tuple[str, str] = ("", ""), limit: int = 50) -> list[Any]:
    """Parked scopes with how many events wait in each; events without scope stand alone under their number."""
    count = func.count(parked_event.c.seq)
    query = (
        select(parked_scope, count.label("events"))
        .outerjoin(
            parked_event,
            (parked_event.c.topic == parked_scope.c.topic) & (parked_event.c.scope == parked_scope.c.scope),
        )
        .where(func.row(parked_scope.c.topic, parked_scope.c.scope) > func.row(*after))
        .group_by(parked_scope.c.topic, parked_scope.c.scope)
        .order_by(parked_scope.c.topic, parked_scope.c.scope)
        .limit(limit)
    )
    return list(await tx.execute(query))


async def events(tx: AsyncSession, topic: str, scope: str | None, after: int = 0, limit: int = 50) -> list[Any]:
    same_scope = parked_event.c.scope == scope if scope is not None else parked_event.c.scope.is_(None)
    query = select(parked_event).where(parked_event.c.seq > after, same_scope)
    query = query.where(parked_event.c.topic == topic) if topic else query
    return list(await tx.execute(query.order_by(parked_event.c.seq).limit(limit)))


def _plain(payload: bytes) -> str:
    """As text that JSON in the database can hold."""
    return payload.decode(errors="replace").replace("\0", "\ufffd")
