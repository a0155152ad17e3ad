"""The inbox is the truth about which events took effect; the broker's offset is a hint."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Column, DateTime, Table, Text, func
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import mechanism, utcnow

inbox = Table(
    "inbox",
    mechanism,
    Column("event_id", PgUuid(as_uuid=True), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    postgresql_partition_by="RANGE (event_id)",
)

MARK_NEW = """
INSERT INTO inbox (event_id, topic)
SELECT event_id, $2 FROM unnest($1::uuid[]) WITH ORDINALITY AS e (event_id, n) ORDER BY n
ON CONFLICT DO NOTHING RETURNING event_id
"""


async def mark_new(tx: AsyncSession, topic: str, ids: Sequence[UUID]) -> set[UUID]:
    """The ids not seen before. One that occurs twice is returned once: take it out of the set when it is applied."""
    connection = await tx.connection()
    return {row.event_id for row in await connection.exec_driver_sql(MARK_NEW, (list(ids), topic))}


def foreign_id(source: str, told_id: str) -> UUID:
    """UUIDv8 of a producer that is not ours. Its leading 48 bits are ones, so that its row always lands in the default
    partition: a foreign id dated ahead would make that day's partition impossible to create."""
    digest = hashlib.sha256(f"{len(source)}:{source}{told_id}".encode()).digest()
    return UUID(bytes=b"\xff" * 6 + bytes([0x80 | digest[6] & 0x0F, digest[7], 0x80 | digest[8] & 0x3F]) + digest[9:16])


def is_foreign(event_id: UUID) -> bool:
    return event_id.bytes.startswith(b"\xff" * 6)


def said_at(event_id: UUID) -> datetime:
    """The time a UUIDv7 carries."""
    epoch = datetime.fromtimestamp(0, tz=utcnow().tzinfo)
    return epoch + timedelta(milliseconds=int.from_bytes(event_id.bytes[:6], "big"))


def day_bounds(day: datetime) -> tuple[UUID, UUID]:
    """The ids of one UTC day, lower end included."""
    start = int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
    return UUID(int=start << 80), UUID(int=(start + 86_400_000) << 80)
