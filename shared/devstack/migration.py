"""`make migration s=orders m="what changes"`: Alembic compares the models with a database migrated so far."""

import asyncio
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine

from shared.devstack.postgres import Postgres
from shared.migrate import ROOT, alembic_config, create_mechanism, upgrade

FIRST = """    create_mechanism(op)
"""
TRIGGERS = """    for statement in TRIGGERS:
        op.execute(statement)
"""


async def make_migration(service: str, message: str) -> Path:
    versions = ROOT / "services" / service / "migrations" / "versions"
    first = not list(versions.glob("*.py"))
    with tempfile.TemporaryDirectory() as directory:
        async with Postgres(Path(directory), durable=False) as server:
            await server.make_databases([service])
            url = server.url(service)
            if first:
                await _mechanism_only(url)
            else:
                await asyncio.to_thread(upgrade, service, url)
            config = alembic_config(service, url)
            await asyncio.to_thread(command.revision, config, message, autogenerate=True, rev_id=_number(versions))
    written = max(versions.glob("*.py"))
    if first:
        _complete(service, written)
    return written


def _number(versions: Path) -> str:
    return f"{len(list(versions.glob('[0-9]*.py'))) + 1:04d}"


async def _mechanism_only(url: str) -> None:
    engine = create_async_engine(url)

    def create(connection: Any) -> None:
        create_mechanism(Operations(MigrationContext.configure(connection)))

    async with engine.begin() as connection:
        await connection.run_sync(create)
    await engine.dispose()


def _complete(service: str, written: Path) -> None:
    """The first migration also makes the mechanism's tables and the service's triggers."""
    source = written.read_text().rstrip() + "\n"
    imports = "from shared.migrate import create_mechanism\n"
    body = source.replace("def upgrade() -> None:\n", "def upgrade() -> None:\n" + FIRST)
    if hasattr(import_module(f"services.{service}.models"), "TRIGGERS"):
        imports = f"from services.{service}.models import TRIGGERS\n" + imports
        body = body.rstrip() + "\n" + TRIGGERS
    written.write_text(body.replace("\nrevision = ", f"\n{imports}\nrevision = ", 1))


if __name__ == "__main__":
    print(asyncio.run(make_migration(sys.argv[1], sys.argv[2])))
