import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

log = logging.getLogger(__name__)


class Producer(Protocol):
    """Enqueues one record in order; awaiting what it returns is the broker's acknowledgement."""

    async def send(self, topic: str, key: str, headers: dict[str, str], payload: bytes) -> Awaitable[Any] | None: ...

    async def restart(self) -> None: ...


class Row(NamedTuple):
    id: int
    event_id: UUID
    topic: str
    key: str
    headers: dict[str, str] | str
    payload: bytes

    def headers_with(self, extra: dict[str, str]) -> dict[str, str]:
        kept: dict[str, str] = json.loads(self.headers) if isinstance(self.headers, str) else self.headers
        return kept | extra


async def send_in_order(producer: Producer, rows: Sequence[Row], extra: dict[str, str] | None = None) -> list[int]:
    """Enqueue from this one coroutine, await all, and answer the ids of the longest acknowledged prefix. Nothing behind
    a failure counts, whatever the broker took of it: it is sent again and the inbox drops it."""
    waiting = []
    failed = False
    try:
        for row in rows:
            waiting.append(await producer.send(row.topic, row.key, row.headers_with(extra or {}), bytes(row.payload)))
    except Exception as error:
        failed = True
        log.warning("a record was not enqueued", extra={"error": str(error)[:200]})
    done = await asyncio.gather(*(_acknowledged(answer) for answer in waiting))
    errors = [error for error in done if error]
    if errors:
        log.warning("records were not acknowledged", extra={"records": len(errors), "error": str(errors[0])[:200]})
    prefix = done.index(errors[0]) if errors else len(done)
    if failed or prefix < len(rows):
        await producer.restart()
    return [row.id for row in rows[:prefix]]


async def _acknowledged(answer: Any) -> Exception | None:
    """Why it was not."""
    if not inspect.isawaitable(answer):  # the in-memory test broker has taken it already
        return None
    try:
        await answer
    except Exception as error:
        return error
    return None
