"""Who is calling. Credentials are made in one service and reach every other as events into its own table, so that each
authenticates by itself; keys are kept as hashes only."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, DateTime, Index, Integer, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import mechanism
from shared.errors import Denied
from shared.events.orders import CredentialChanged
from shared.rates import Windows, check, counted

credential = Table(
    "credential",
    mechanism,
    Column("id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("account_id", Integer, nullable=False),
    Column("account_name", Text, nullable=False),
    Column("user_id", Integer, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("key_role", Integer, nullable=False),
    Column("divisions", JSONB, nullable=False),
    Column("session", Integer, nullable=False, server_default="1"),
    Column("key_hash", Text),
    Column("revoked_at", DateTime(timezone=True)),
    Index("uq_credential_key_hash", "key_hash", unique=True),
    Index("ix_credential_user_id_kind", "user_id", "kind"),
)

OPERATOR, SERVICE = "operator", "service"


@dataclass(frozen=True)
class Caller:
    credential_id: str
    kind: str
    account_id: int
    account_name: str
    user_id: int
    name: str
    email: str
    role: str
    key_role: int = 0
    divisions: tuple[int, ...] = ()
    session: int = 1  # sessions of an earlier number are over

    @property
    def is_operator(self) -> bool:
        return self.role == OPERATOR

    def may_see_division(self, division_id: int) -> bool:
        return self.is_operator or not self.divisions or division_id in self.divisions

    def may_see(self, account_id: int, division_id: int) -> bool:
        return self.is_operator or (self.account_id == account_id and self.may_see_division(division_id))

    def require(self, *roles: str) -> None:
        if self.role not in roles:
            raise Denied(
                f"The role {self.role.replace('_', ' ')} may not do this; ask an administrator of your account."
            )


def service_caller() -> Caller:
    return Caller("service", SERVICE, 0, "", 0, "Issuary", "", SERVICE)


def hash_key(key: str) -> str:
    """Keys are long random strings, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()


def same_key(key: str, other: str) -> bool:
    return hmac.compare_digest(hash_key(key), hash_key(other))


async def find_by_key(tx: AsyncSession, key: str) -> Caller | None:
    return await _find(tx, credential.c.key_hash == hash_key(key))


async def find_by_key_in_time(tx: AsyncSession, key: str, limits: Windows, now: datetime) -> Caller | None:
    """Who asks, and counts it. Raises TooMany."""
    if not limits:
        return await find_by_key(tx, key)
    pause = counted(credential.c.id, limits, now).label("pause")
    row = (await tx.execute(select(credential, pause).where(_alive(credential.c.key_hash == hash_key(key))))).first()
    check(row.pause if row else 0.0, limits, "requests with this API key")
    return _caller(row) if row else None


async def find_user(tx: AsyncSession, user_id: int) -> Caller | None:
    return await _find(tx, (credential.c.user_id == user_id) & (credential.c.kind == "user"))


async def _find(tx: AsyncSession, where: ColumnElement[bool]) -> Caller | None:
    row = (await tx.execute(select(credential).where(_alive(where)))).first()
    return _caller(row) if row else None


def _alive(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return where & credential.c.revoked_at.is_(None)


def _caller(row: Any) -> Caller:
    return Caller(
        row.id, row.kind, row.account_id, row.account_name, row.user_id, row.user_name, row.email, row.role,
        row.key_role, tuple(row.divisions), row.session,
    )  # fmt: skip


async def take_credential(tx: AsyncSession, event: CredentialChanged) -> None:
    await take_credentials(tx, [event])


async def take_credentials(tx: AsyncSession, events: Iterable[CredentialChanged]) -> None:
    """The highest version wins, in whatever order they arrive."""
    newest = {event.credential_id: event for event in sorted(events, key=lambda event: event.version)}
    if not newest:
        return
    statement = insert(credential).values([_row(event) for event in newest.values()])
    changed = {column.name: statement.excluded[column.name] for column in credential.c}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[credential.c.id], set_=changed, where=credential.c.version < statement.excluded.version
        )
    )


def _row(event: CredentialChanged) -> dict[str, Any]:
    same = {
        "version",
        "kind",
        "account_id",
        "account_name",
        "user_id",
        "user_name",
        "email",
        "role",
        "key_role",
        "session",
        "key_hash",
    }
    return {
        "id": event.credential_id,
        "divisions": list(event.divisions),
        "revoked_at": event.revoked_at,
        **event.model_dump(include=same),
    }
