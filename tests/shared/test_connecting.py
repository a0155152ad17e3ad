"""A URL that names several servers: the one that takes writes is found, whatever the others do."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from shared.db import Database, make_engine
from shared.db.connecting import Connector
from shared.db.outage import is_transient
from shared.devstack.child import free_port
from shared.service.starting import see_schema
from shared.settings import BaseSettings
from shared.waiting import Outage
from tests.toy import Toy


def url_of(toy: Toy, *places: str) -> str:
    plain = make_url(toy.url)
    query = {"host": [place.replace("REAL", f"{plain.host}:{plain.port}") for place in places]}
    return plain.set(host=None, port=None, query=query).render_as_string(hide_password=False)


@asynccontextmanager
async def a_server_that_hangs() -> AsyncIterator[str]:
    """It accepts and says nothing, as one whose process is frozen."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_of_several_servers_the_one_that_answers_is_taken_and_then_asked_first(toy: Toy) -> None:
    async with a_server_that_hangs() as hanging:
        connect = Connector(url_of(toy, f"127.0.0.1:{free_port()}", hanging, "REAL"), {}, within=0.5)
        began = asyncio.get_running_loop().time()
        for _ in range(4):
            connection = await connect()
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()
        assert asyncio.get_running_loop().time() - began < 2 * 0.5 + 1


async def test_a_server_that_takes_no_writes_is_passed_over_and_that_is_worth_another_try(toy: Toy) -> None:
    connect = Connector(url_of(toy, "REAL", "REAL"), {"default_transaction_read_only": "on"})
    with pytest.raises(ConnectionError, match="no server of the database takes writes") as raised:
        await connect()
    assert is_transient(raised.value)


async def test_one_server_says_itself_what_is_wrong(toy: Toy) -> None:
    with pytest.raises(Exception, match='database "absent" does not exist'):
        await Connector(make_url(toy.url).set(database="absent").render_as_string(hide_password=False), {})()


async def test_a_server_of_several_that_says_what_to_mend_is_heard(toy: Toy) -> None:
    several = make_url(url_of(toy, f"127.0.0.1:{free_port()}", "REAL")).set(database="absent")

    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await Connector(several.render_as_string(hide_password=False), {})()


@asynccontextmanager
async def a_stranger(toy: Toy) -> AsyncIterator[str]:
    """A login that may sign in, but not into this database."""
    name = make_url(toy.url).database
    await _as_owner(toy, "CREATE ROLE stranger LOGIN PASSWORD 'secret'", f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    yield make_url(toy.url).set(username="stranger", password="secret").render_as_string(hide_password=False)
    await _as_owner(toy, f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO PUBLIC", "DROP ROLE stranger")


async def _as_owner(toy: Toy, *statements: str) -> None:
    async with toy.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_a_login_that_may_not_use_the_database_is_told_what_to_mend_and_waited_for(toy: Toy) -> None:
    async with a_stranger(toy) as url:
        engine = make_engine(url, "stranger", pool_size=1)
        with pytest.raises(Outage, match="denies the login stranger the database") as raised:
            await see_schema("billing", Database(engine), BaseSettings(database_url=url))
        await engine.dispose()

    assert raised.value.by_hand
    assert "secret" not in raised.value.reason


async def test_a_service_works_on_a_url_of_several_servers(toy: Toy) -> None:
    engine = make_engine(url_of(toy, f"127.0.0.1:{free_port()}", "REAL"), "several", pool_size=1)
    async with Database(engine).transaction() as tx:
        driver = (await (await tx.connection()).get_raw_connection()).driver_connection
        assert driver is not None
        assert await driver.fetchval("SHOW application_name") == "several"
    await engine.dispose()


async def test_a_connection_notices_that_its_server_is_gone_without_a_word(toy: Toy) -> None:
    connection = await Connector(toy.url, {})()
    probed = connection._transport.get_extra_info("socket")
    assert probed.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert probed.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
    assert probed.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
    await connection.close()
