import asyncio
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

LOCK = "SELECT pg_try_advisory_lock(hashtext('issuary.relay'))"


# The server ends the connection; or its last word came in the middle of a statement, and the driver is confused.
LOST = (asyncpg.OperatorInterventionError, asyncpg.InternalClientError)


class NotLeader(Exception):
    """Another process of this service sends; or the connection that held the lock is gone."""


class Leader:
    """The advisory lock on a connection of its own: not from the pool, for its end must be the lock's end."""

    def __init__(self, url: str, encryption: ssl.SSLContext | str = "prefer") -> None:
        parsed = make_url(url)
        self._target = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        self._encryption = encryption
        self._connection: Any = None

    async def take(self) -> bool:
        if self._connection is not None and not self._connection.is_closed():
            return True
        connection = await asyncpg.connect(
            self._target,
            ssl=self._encryption,
            timeout=5,
            server_settings={"application_name": "relay", "tcp_keepalives_idle": "10", "idle_session_timeout": "0"},
        )
        if await connection.fetchval(LOCK):
            self._connection = connection
            return True
        await connection.close()
        return False

    @property
    def held(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def ask(self, statement: str, *given: Any) -> Sequence[Any]:
        """On the connection that holds the lock, so that whoever lost the lock can neither read nor note any more."""
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
