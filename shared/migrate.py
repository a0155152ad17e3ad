"""The one Alembic runner: each service's own tables, and the mechanism's, in each service's own database."""

import asyncio
import ssl
import threading
from datetime import UTC, datetime
from typing import Any

from alembic import command, context
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared import access, audit, idempotency, inbox, outbox, parking, rates
from shared.db import Connector, mechanism
from shared.partitions import DAYS_AHEAD, day_partitions
from shared.schema import ROOT as ROOT
from shared.schema import Schema, compare
from shared.schema import alembic_config as alembic_config

ONE_AT_A_TIME = threading.Lock()  # Alembic's context is the process's, whichever thread migrates
TABLES = (access, audit, idempotency, inbox, outbox, parking, rates)  # imported so that `mechanism` knows their tables

APPEND_ONLY = (
    """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: a correction is a new row', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
""",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change()",
)


def run(metadata: MetaData) -> None:
    """The body of every service's migrations/env.py."""
    url = context.get_x_argument(as_dictionary=True).get("url") or context.config.attributes.get("url")
    if not url:
        raise SystemExit("Say which database: alembic -n orders -x url=postgresql+asyncpg://… upgrade head")
    asyncio.run(_run(url, context.config.attributes.get("encryption", "prefer"), metadata))


async def _run(url: str, encryption: ssl.SSLContext | str, metadata: MetaData) -> None:
    async with _engine(url, encryption).connect() as connection:
        await connection.run_sync(_migrate, metadata)


def _engine(url: str, encryption: ssl.SSLContext | str) -> AsyncEngine:
    connect = Connector(url, {"lock_timeout": "5s"}, encryption)
    return create_async_engine(url, poolclass=NullPool, async_creator=connect)  # whose connections end with their use


def _migrate(connection: Connection, metadata: MetaData) -> None:
    context.configure(
        connection=connection,
        target_metadata=[metadata, mechanism],
        include_object=_is_mapped,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


def _is_mapped(found: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Day partitions come and go; they are kept by the relay's leader, not by migrations."""
    table = name if kind == "table" else getattr(getattr(found, "table", None), "name", "")
    return not str(table).startswith(("inbox_", "published_"))


def create_mechanism(op: Any, inbox_days: int = 35) -> None:
    """For a service's first migration. The inbox's partitions reach back to the horizon, so that a new service can read
    its topics from the beginning."""
    connection = op.get_bind()
    mechanism.create_all(connection, checkfirst=False)
    for statement in (*APPEND_ONLY, rates.FUNCTION):
        connection.execute(text(statement))
    connection.execute(text("CREATE TABLE inbox_other PARTITION OF inbox DEFAULT"))
    connection.execute(text("CREATE INDEX ix_inbox_other_received_at ON inbox_other (received_at)"))
    for statement in day_partitions(datetime.now(UTC), back=inbox_days + 1, ahead=DAYS_AHEAD):
        connection.execute(text(statement))


def upgrade(service: str, url: str, encryption: ssl.SSLContext | str = "prefer") -> Schema:
    """What was found. A newer schema stays as it is, so that an older program can come back to it."""
    found = compare(service, asyncio.run(_revision(url, encryption)))
    if not found.is_newer:
        config = alembic_config(service, url)
        config.attributes["encryption"] = encryption
        with ONE_AT_A_TIME:
            command.upgrade(config, "head")
    return found


async def _revision(url: str, encryption: ssl.SSLContext | str) -> str | None:
    async with _engine(url, encryption).connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def check(service: str, url: str) -> None:
    """Raises when the models and the migrated database differ."""
    command.check(alembic_config(service, url))
