import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from shared.db import CONNECT_WITHIN, Connector

LOCK = "SELECT pg_try_advisory_lock(hashtext('issuary.relay'))"

SILENT_FOR = 15.0  # seconds after which the server ends the session of a leader that is frozen or gone
SETTINGS = {
    "application_name": "relay",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
}


# The server ends the connection; or its last word came in the middle of a statement, and the driver is confused.
LOST = (asyncpg.OperatorInterventionError, asyncpg.InternalClientError)


class NotLeader(Exception):
    """Another process of this service sends; or the connection that held the lock is gone."""


class Leader:
    """The advisory lock on a connection of its own: not from the pool, for its end must be the lock's end."""

    def __init__(self, url: str, encryption: ssl.SSLContext | str = "prefer", silent_for: float = SILENT_FOR) -> None:
        settings = {**SETTINGS, "idle_session_timeout": f"{silent_for * 1000:.0f}ms"}
        self._connect, self._silent_for = Connector(url, settings, encryption), silent_for
        self._connection: Any = None

    async def take(self) -> bool:
        if self.held:
            return True
        connection = await self._connect()
        try:
            if await connection.fetchval(LOCK, timeout=CONNECT_WITHIN):
                self._connection = connection
        finally:
            if self._connection is not connection:
                await connection.close(timeout=2)
        return self.held

    @property
    def held(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    @asynccontextmanager
    async def awake(self) -> AsyncIterator[None]:
        """While something else than the database is waited for: a leader that lives says so, and keeps the lock."""
        done = asyncio.Event()
        saying = asyncio.create_task(self._say_so(done))
        try:
            yield
        finally:
            done.set()
            with suppress(NotLeader):
                await saying

    async def _say_so(self, done: asyncio.Event) -> None:
        while not done.is_set():
            try:
                await asyncio.wait_for(done.wait(), self._silent_for / 3)
            except TimeoutError:
                await self.ask("SELECT 1")

    async def ask(self, statement: str, *given: Any) -> Sequence[Any]:
        """On the connection that holds the lock, so that whoever lost the lock can neither read nor note any more."""
        if self._connection is None:
            raise NotLeader
        try:
            return await self._connection.fetch(statement, *given, timeout=15)  # type: ignore[no-any-return]
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as error:
            await self.release()
            raise NotLeader from error
        except LOST as error:
            await self.release()
            raise NotLeader from error

    async def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.close(timeout=2)


async def lead_or_wait(leader: Leader, seconds: float) -> bool:
    """For a replay: take the relay's lock, waiting for the running relay to end."""
    until = time.monotonic() + seconds
    while not await leader.take():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.2)
    return True
