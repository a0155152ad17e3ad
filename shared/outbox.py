"""What a transaction announces leaves with its commit; `shared/relay.py` carries it to Kafka."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, func
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import at_last, mechanism, to_json
from shared.errors import Rejected
from shared.events.base import Event

MAX_BYTES = (
    900_000  # below what brokers take by default (1 MiB with headers): a record refused there would stop the relay
)

outbox = Table(
    "outbox",
    mechanism,
    Column("id", BigInteger, Identity(always=True, cache=1), primary_key=True),
    Column("event_id", PgUuid(as_uuid=True), nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", BYTEA, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    postgresql_with={
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": 1000,
        "autovacuum_vacuum_cost_delay": 0,
    },
)

published = Table(
    "published",
    mechanism,
    Column("id", BigInteger, nullable=False),
    Column("event_id", PgUuid(as_uuid=True), nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", BYTEA, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_published_id", "id"),
    postgresql_partition_by="RANGE (published_at)",
)

WRITE = """
INSERT INTO outbox (event_id, topic, key, headers, payload)
SELECT event_id, topic, key, headers, payload
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[])
     WITH ORDINALITY AS e (event_id, topic, key, headers, payload, n) ORDER BY n
"""


def announce(tx: AsyncSession, event: Event) -> None:
    """Say a fact, or ask a command, in this transaction's commit. An event too large for the broker is refused here,
    where the action fails, and not in the relay."""
    payload = event.model_dump_json().encode()
    if len(payload) > MAX_BYTES:
        raise Rejected(
            f"This is too large to be told to others ({len(payload)} bytes, at most {MAX_BYTES}).", "too_large"
        )
    waiting = tx.info.setdefault("outbox", [])
    if not waiting:
        at_last(tx, write_outbox)
    waiting.append((event.id, event.topic, event.key, to_json(headers_of(event, tx.info)), payload))


def headers_of(event: Event, known: Mapping[Any, Any]) -> dict[str, str]:
    """CloudEvents 1.0, binary mode over Kafka; correlation and trace by the plain names that tools read."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event.id),
        "ce_type": event.type,
        "ce_source": event.source,
        "ce_time": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": event.subject,
        "content-type": "application/json",
        "correlation_id": known.get("correlation_id") or event.causation_id or str(event.id),
    }
    if event.causation_id:
        headers["ce_causationid"] = event.causation_id
    if trace := known.get("traceparent"):
        headers["traceparent"] = trace
    return headers


async def write_outbox(tx: AsyncSession) -> None:
    rows: list[tuple[Any, ...]] = tx.info.pop("outbox", [])
    tx.info["announced"] = True
    connection = await tx.connection()
    await connection.exec_driver_sql(WRITE, tuple(list(column) for column in zip(*rows, strict=True)))
