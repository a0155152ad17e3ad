"""PostgreSQL is reached over TLS as the settings demand, by whatever of ours reaches it."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db import make_engine
from shared.db.outage import outage
from shared.migrate import upgrade
from shared.relay import Leader
from shared.settings import BaseSettings
from shared.wire import database_ssl
from tests.containers.certificates import Authority
from tests.containers.secure_postgres import SecurePostgres, start_postgres, wait_until_open

pytestmark = pytest.mark.containers
ENCRYPTED = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest_asyncio.fixture(scope="module")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecurePostgres]:
    started = await asyncio.to_thread(start_postgres, tmp_path_factory.mktemp("postgres"))
    try:
        await wait_until_open(started)
        yield started
    finally:
        await asyncio.to_thread(started.container.stop)


async def asked(settings: BaseSettings, statement: str = ENCRYPTED) -> Any:
    engine = make_engine(settings.database_url, "wire", 2, database_ssl(settings))
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(statement))).one()
    finally:
        await engine.dispose()


async def test_with_the_right_authority_the_connection_is_encrypted(postgres: SecurePostgres) -> None:
    encrypted, version = await asked(postgres.settings())

    assert (encrypted, version) == (True, "TLSv1.3")


async def test_a_server_that_another_authority_vouches_for_is_refused(postgres: SecurePostgres) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asked(postgres.settings(database_ca=Authority("Somebody else").pem))


async def test_a_server_by_another_name_is_refused(postgres: SecurePostgres) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        await asked(postgres.settings(database_url=postgres.url(host="127.0.0.1")))


async def test_verify_ca_asks_for_the_authority_and_not_for_the_name(postgres: SecurePostgres) -> None:
    named_otherwise = postgres.url(host="127.0.0.1")

    assert (await asked(postgres.settings(database_url=named_otherwise, database_tls="verify-ca")))[0]
    with pytest.raises(ssl.SSLCertVerificationError):
        await asked(postgres.settings(database_tls="verify-ca", database_ca=Authority().pem))


async def test_verify_full_without_an_authority_trusts_whom_the_system_trusts(postgres: SecurePostgres) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asked(postgres.settings(database_tls="verify-full", database_ca=""))


@pytest.mark.parametrize(("mode", "encrypted"), [("", True), ("require", True), ("disable", False)])
async def test_without_an_authority_it_is_encrypted_unless_disabled(
    postgres: SecurePostgres, mode: str, encrypted: bool
) -> None:
    assert (await asked(postgres.settings(database_ca="", database_tls=mode)))[0] is encrypted


@pytest_asyncio.fixture
async def without_tls(postgres: SecurePostgres) -> AsyncIterator[SecurePostgres]:
    await postgres.execute("ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.5)")
    yield postgres
    await postgres.execute("ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.5)")


@pytest.mark.parametrize("given", [{}, {"database_ca": "", "database_tls": "require"}])
async def test_a_server_without_tls_is_refused_where_tls_is_demanded(
    without_tls: SecurePostgres, given: dict[str, str]
) -> None:
    with pytest.raises(ConnectionError, match="rejected SSL upgrade"):
        await asked(without_tls.settings(**given))

    assert (await asked(without_tls.settings(database_ca="")))[0] is False


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"database_ca": Authority("Somebody else").pem},
            "its certificate is refused: .* check ISSUARY_BILLING_DATABASE",
        ),
        ({"host": "127.0.0.1"}, "its certificate is refused: IP address mismatch"),
        ({"password": "old"}, "PostgreSQL refuses the login postgres .* check ISSUARY_BILLING_DATABASE_URL"),
    ],
)
async def test_what_is_wrong_is_said(postgres: SecurePostgres, given: dict[str, str], sentence: str) -> None:
    changed = {name: value for name, value in given.items() if name == "database_ca"}
    url = postgres.url(**{name: value for name, value in given.items() if name != "database_ca"})

    with pytest.raises((DBAPIError, OSError)) as raised:
        await asked(postgres.settings(database_url=url, **changed))

    told = outage(raised.value, url, "billing")
    assert re.search(sentence, told.reason)
    assert told.by_hand


async def test_the_relay_leads_over_tls_and_refuses_the_wrong_authority(postgres: SecurePostgres) -> None:
    leader = Leader(postgres.url(), database_ssl(postgres.settings()))
    mistaken = Leader(postgres.url(), database_ssl(postgres.settings(database_ca=Authority().pem)))

    assert await leader.take()
    assert (await leader.ask(ENCRYPTED))[0]["ssl"]
    with pytest.raises(ssl.SSLCertVerificationError):
        await mistaken.take()
    await leader.release()


async def test_migrations_run_over_tls_and_refuse_the_wrong_authority(postgres: SecurePostgres) -> None:
    await postgres.execute("CREATE DATABASE notifications")
    url = postgres.url("notifications")

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(
            upgrade, "notifications", url, database_ssl(postgres.settings(database_ca=Authority().pem))
        )
    await asyncio.to_thread(upgrade, "notifications", url, database_ssl(postgres.settings()))

    settings = postgres.settings(database_url=url)
    assert (await asked(settings, "SELECT count(*) FROM pg_tables WHERE tablename = 'outbox'"))[0] == 1


async def test_a_wrong_password_is_told_from_a_wrong_certificate(postgres: SecurePostgres) -> None:
    with pytest.raises(DBAPIError, match="password authentication failed"):
        await asked(postgres.settings(database_url=postgres.url(password="old")))
