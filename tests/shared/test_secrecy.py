"""Nothing that is secret is logged, printed or answered, however much goes wrong."""

from pathlib import Path

import pytest

from shared.devstack.chosen import Postgres
from tests.containers.secrecy import ENVIRONMENT, given_away, overheard

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
async def test_what_is_no_key_is_not_repeated(given: str, tmp_path: Path) -> None:
    urls = databases("postgresql+asyncpg://issuary:s3cr3t@127.0.0.1:1/{}")

    seen = await overheard({**ENVIRONMENT, **urls, "ISSUARY_KAFKA_KEY": given}, tmp_path / "log", "billing")

    assert "ISSUARY_KAFKA_KEY" in seen
    assert given_away(seen) == []
