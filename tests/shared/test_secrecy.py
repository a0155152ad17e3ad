"""Nothing that is secret is logged, printed or answered, however much goes wrong."""

import io
import logging
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.devstack.chosen import Postgres
from shared.door import Door, OpenDoor
from shared.log import JsonLines
from shared.settings import BaseSettings
from tests.bus import as_record
from tests.containers.secrecy import ENVIRONMENT, SECRETS, given_away, overheard
from tests.toy import Counted, Toy, counted

NAMES = ("orders", "billing", "validation", "notifications")


def databases(url: str) -> dict[str, str]:
    return {f"ISSUARY_{name.upper()}_DATABASE_URL": url.format(name) for name in NAMES}


async def test_a_refused_login_is_said_without_its_password(postgres: Postgres, tmp_path: Path) -> None:
    urls = databases(f"postgresql+asyncpg://postgres:s3cr3t-of-the-database@127.0.0.1:{postgres.port}/{{}}")

    seen = await overheard({**ENVIRONMENT, **urls, "ISSUARY_KAFKA": "127.0.0.1:1"}, tmp_path / "log", *NAMES)

    assert len(seen) > 200
    assert given_away(seen) == []


async def test_an_absent_database_is_said_without_its_password(tmp_path: Path) -> None:
    urls = databases("postgresql+asyncpg://issuary:s3cr3t-of-the-database@127.0.0.1:1/{}")

    seen = await overheard({**ENVIRONMENT, **urls, "ISSUARY_KAFKA": "127.0.0.1:1"}, tmp_path / "log", *NAMES)

    assert len(seen) > 200
    assert given_away(seen) == []


@pytest.mark.parametrize("given", ["s3cr3t", "-----BEGIN PRIVATE KEY-----\nMIIB"])
@pytest.mark.parametrize(("name", "service"), [("KAFKA_KEY", "billing"), ("ORDERS_ACME_KEY", "orders")])
async def test_what_is_no_key_is_not_repeated(name: str, service: str, given: str, tmp_path: Path) -> None:
    urls = databases("postgresql+asyncpg://issuary:s3cr3t@127.0.0.1:1/{}")

    seen = await overheard({**ENVIRONMENT, **urls, f"ISSUARY_{name}": given}, tmp_path / "log", service)

    assert f"ISSUARY_{name}" in seen
    assert given_away(seen) == []


def test_every_secret_of_the_settings_is_among_those_that_are_looked_for() -> None:
    secret = {
        f"{name.upper()}_{field}".upper() if field not in BaseSettings.model_fields else field.upper()
        for name in NAMES
        for field, told in import_module(f"services.{name}.settings").Settings.model_fields.items()
        if told.annotation is SecretStr
    }

    assert secret == set(SECRETS)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonLines())
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)


PERSON = "ada@acme.example"
TWICE = "INSERT INTO person SELECT :email FROM generate_series(1, 2)"


@pytest.mark.parametrize(
    ("statement", "error", "row"),
    [
        (TWICE, "UniqueViolationError", "Key (email)=(ada@acme.example) already exists"),
        ("SELECT CAST(CAST(:email AS text) AS int)", "InvalidTextRepresentationError", '"ada@acme.example"'),
        ("SELECT CAST(:email AS int)", "DataError", "'ada@acme.example'"),
    ],
)
async def test_values_of_rows_stand_where_an_event_is_parked_and_not_in_the_log(
    toy: Toy, logged: io.StringIO, statement: str, error: str, row: str
) -> None:
    door = Door("toy")

    @door.on(Counted)
    async def on_counted(event: Counted, tx: AsyncSession) -> None:
        await tx.execute(text("CREATE TEMP TABLE person (email text UNIQUE) ON COMMIT DROP"))
        await tx.execute(text(statement), {"email": PERSON})

    await OpenDoor(door, toy.db).handle([as_record(counted(1, 1))])

    [parked] = await toy.parked()
    assert row in parked.error
    assert PERSON not in logged.getvalue()
    assert f'"reason": "{error}"' in logged.getvalue()
    assert "Traceback" in logged.getvalue()
