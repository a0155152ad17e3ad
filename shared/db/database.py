import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.db.appending import write_appended
from shared.db.connecting import Connector

# Days turn in UTC, wherever the server stands.
SESSION = {"TimeZone": "UTC", "jit": "off"}
TIMEOUTS = {"statement_timeout": "15s", "lock_timeout": "15s", "idle_in_transaction_session_timeout": "15s"}

MANY = 30

Step = Callable[[AsyncSession], Awaitable[None]]


def utcnow() -> datetime:
    return datetime.now(UTC)


def make_engine(
    url: str, application_name: str, pool_size: int = 8, encryption: ssl.SSLContext | str = "prefer"
) -> AsyncEngine:
    settings = {**TIMEOUTS, **SESSION, "application_name": application_name}
    return create_async_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        async_creator=Connector(url, settings, encryption),
    )


class Database:
    """Opens the transactions of one service's database. `bind` is its engine, or in tests one connection."""

    def __init__(self, bind: AsyncEngine | AsyncConnection, given: Mapping[str, Any] | None = None) -> None:
        """`given` is found in the `info` of every transaction: the service's settings for its doors, and `kept`,
        where a query may keep what it need not read each time."""
        self._given = dict(given or {})
        self._wakers: list[asyncio.Event] = []
        self._announced: deque[float] = deque(maxlen=MANY)
        self.rebind(bind)

    def rebind(self, bind: AsyncEngine | AsyncConnection) -> None:
        """A session on a connection that is in a transaction works in savepoints, and the outer one can be undone."""
        self.bind = bind
        mode: Any = "create_savepoint" if isinstance(bind, AsyncConnection) else "conditional_savepoint"
        self._sessions = async_sessionmaker(bind, expire_on_commit=False, join_transaction_mode=mode)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as tx, tx.begin():
            tx.info.update(self._given)
            yield tx
            await _finish(tx)
        if tx.info.get("announced"):
            self._announced.append(monotonic())
            self.wake_all()

    @property
    def is_busy(self) -> bool:
        """Many commits of this process announced something within the last second: what can wait should pause."""
        return len(self._announced) == MANY and monotonic() - self._announced[0] < 1.0

    def waker(self) -> asyncio.Event:
        """Set after each commit of this process that announced something; whoever waits for it clears it."""
        self._wakers.append(asyncio.Event())
        return self._wakers[-1]

    def wake_all(self) -> None:
        for waker in self._wakers:
            waker.set()


@asynccontextmanager
async def attempt(tx: AsyncSession) -> AsyncIterator[None]:
    """What is refused within it leaves nothing behind: no row, and nothing that waits for the transaction's end."""
    waiting = {key: _copied(value) for key, value in tx.info.items() if key not in ("kept", "settings")}
    try:
        async with tx.begin_nested():
            yield
    except BaseException:
        for key in tx.info.keys() - waiting.keys() - {"kept", "settings"}:
            del tx.info[key]
        tx.info.update(waiting)
        raise


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: copy(part) if isinstance(part, dict | list) else part for key, part in value.items()}
    return copy(value) if isinstance(value, list | set | deque) else value


async def _finish(tx: AsyncSession) -> None:
    steps: dict[Step, None] = tx.info.get("at_end", {})
    done: set[Step] = set()
    while waiting := [step for step in steps if step not in done]:
        done.add(waiting[0])
        await waiting[0](tx)
    await write_appended(tx)
    for last in tx.info.get("at_last", ()):
        await last(tx)


def at_end(tx: AsyncSession, step: Step) -> None:
    """Run `step` once, when every function of this transaction has run: gapless numbers are drawn here, so that
    their counter is held for as short as possible and after every other lock."""
    tx.info.setdefault("at_end", {})[step] = None


def wake_at_commit(tx: AsyncSession) -> None:
    """There is something to do for a step of this process, and somebody waits for it."""
    tx.info["announced"] = True


def at_last(tx: AsyncSession, step: Step) -> None:
    """Run `step` once after the flush and the appended rows: the outbox, whose ids must follow every lock."""
    tx.info.setdefault("at_last", {})[step] = None
