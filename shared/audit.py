"""Who did what; append-only (a trigger refuses changes)."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import at_last, mechanism

audit_log = Table(
    "audit_log",
    mechanism,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Index("ix_audit_log_subject_id", "subject", "id"),
)


def note(tx: AsyncSession, who: str, what: str, subject: str, before: Any, after: Any, now: datetime) -> None:
    waiting = tx.info.setdefault("audit", [])
    if not waiting:
        at_last(tx, _write)
    waiting.append({"at": now, "who": who, "what": what, "subject": subject, "before": before, "after": after})


async def _write(tx: AsyncSession) -> None:
    await tx.execute(insert(audit_log), tx.info.pop("audit"))


async def entries(tx: AsyncSession, before: int | None = None, limit: int = 50) -> list[Any]:
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    return list(await tx.execute(query.where(audit_log.c.id < before) if before else query))


async def entries_about(
    tx: AsyncSession, subject: str, what: str, before: int | None = None, limit: int = 50
) -> list[Any]:
    """What was done to one thing in one respect, newest first."""
    about = (audit_log.c.subject == subject, audit_log.c.what == what)
    query = select(audit_log).where(*about).order_by(audit_log.c.id.desc()).limit(limit)
    return list(await tx.execute(query.where(audit_log.c.id < before) if before else query))
