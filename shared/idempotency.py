"""`Idempotency-Key`: the answer of a creating request is kept in the transaction of its effect, and given again."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import mechanism
from shared.errors import Conflict, Rejected

idempotency_key = Table(
    "idempotency_key",
    mechanism,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("input_hash", Text, nullable=False),
    Column("status", Integer),
    Column("body", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_idempotency_key_created_at", "created_at"),
)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


def hash_input(path: str, body: Any) -> str:
    canonical = json.dumps([path, body], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


async def earlier_answer(tx: AsyncSession, scope: str, key: str, input_hash: str) -> Answer | None:
    """None for a first time, whose row is now this transaction's; a second one at the same moment waits for it here.
    Raises Conflict `idempotency_key_reused` when the key came with another input."""
    if not 0 < len(key) <= 255:
        raise Rejected("The header Idempotency-Key takes 1 to 255 characters.")
    first = insert(idempotency_key).values(scope=scope, key=key, input_hash=input_hash).on_conflict_do_nothing()
    if (await tx.execute(first.returning(idempotency_key.c.key))).first():
        return None
    where = (idempotency_key.c.scope == scope) & (idempotency_key.c.key == key)
    row = (await tx.execute(select(idempotency_key).where(where))).one()
    if row.input_hash != input_hash:
        raise Conflict(
            "This Idempotency-Key was used before with another request; take a new key for a new request.",
            "idempotency_key_reused",
        )
    return Answer(row.status, row.body)


async def keep_answer(tx: AsyncSession, scope: str, key: str, answer: Answer) -> None:
    where = (idempotency_key.c.scope == scope) & (idempotency_key.c.key == key)
    await tx.execute(update(idempotency_key).where(where).values(status=answer.status, body=answer.body))
