"""View balance per second, without a network, against a route that answers what stands in memory."""

import asyncio
import time
from typing import Any

from fastapi import FastAPI

COUNT, AT_ONCE = 3_000, 8


async def measure(app: Any, path: str, key: str) -> dict[str, int]:
    bare = FastAPI()

    @bare.get("/balance")
    async def balance() -> dict[str, str]:
        return {"balance": "454.00", "currency": "USD", "negative_balance_limit": "2000.00"}

    return {"issuary": await _rate(app, path, key), "bare_route": await _rate(bare, "/balance", key)}


async def _rate(app: Any, path: str, key: str) -> int:
    left = iter(range(COUNT))

    async def ask() -> None:
        for _ in left:
            await _call(app, path, key)

    await _call(app, path, key)
    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    return round(COUNT / (time.perf_counter() - started))


async def _call(app: Any, path: str, key: str) -> None:
    """By ASGI itself: a client in the same process would cost more than the answer."""
    status: list[int] = []
    where, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": where, "raw_path": where.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"issuary.test"), (b"x-dc-devkey", key.encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        status.extend([message["status"]] if "status" in message else ())

    await app(scope, receive, send)
    if status != [200]:
        raise SystemExit(f"{path} answered {status}")
