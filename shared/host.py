"""Several services behind one port, by the route table that the gateway is made from as well."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.service import Service
from shared.service.health import healthy

API = "/services/v2"
ROUTES: dict[str, str] = {
    **{f"{API}/{noun}": "orders" for noun in
       ("order", "certificate", "request", "organization", "user", "account", "container", "product")},
    "/": "orders",
    "/pki": "orders",
    f"{API}/finance": "billing",
    f"{API}/product/pricing": "billing",
    f"{API}/account/subaccount": "billing",
    "/finance": "billing",
    f"{API}/domain": "validation",
    "/domains": "validation",
    "/dcv": "validation",
    f"{API}/webhook": "notifications",
    "/messages": "notifications",
    **{f"/{name}": name for name in ("orders", "billing", "validation", "notifications")},
}  # fmt: skip


def owner(path: str) -> str:
    """The service of a path: the longest prefix that ends at a slash wins."""
    while path and path != "/":
        if path in ROUTES:
            return ROUTES[path]
        path = path.rsplit("/", 1)[0]
    return ROUTES["/"]


def collect_less_often() -> None:
    """A chunk makes some ten thousand objects that are gone with it; looking for cycles among them after every 700th
    took a fifth of a door's time (benchmarks/README.md). What is there at start is never garbage."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


class Host:
    def __init__(self, services: Sequence[Service]) -> None:
        self.services = {service.name: service for service in services}
        self.failure: Exception | None = None
        self.at_failure: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await self._app(scope["path"])(scope, receive, send)

    def _app(self, path: str) -> ASGIApp:
        if path in ("/health/live", "/health/ready"):
            return self._health(path)
        service = self.services.get(owner(path))
        if service is None:
            text = f"The service {owner(path)} does not run in this process."
            return JSONResponse({"errors": [{"code": "not_found|route", "message": text}]}, 404)
        return service.app

    def _health(self, path: str) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            faults = []
            for name, service in self.services.items():
                found = service.live() if path.endswith("live") else await service.ready()
                faults += [f"{name}: {fault}" for fault in found]
            await healthy(faults)(scope, receive, send)

        return answer

    @asynccontextmanager
    async def running(self, replay_since: datetime | None = None) -> AsyncIterator[None]:
        """HTTP need not wait for it: a service that is not up yet says why. Mounted applications' own lifespans are not
        run, and each group join costs seconds, so all start at once. `failure` is why one will not come up."""
        services = self.services.values()
        collect_less_often()
        starting = [asyncio.create_task(self._start(service, replay_since)) for service in services]
        try:
            yield
        finally:
            for start in starting:
                start.cancel()
            await asyncio.wait(starting)
            await asyncio.gather(*(service.stop() for service in services))

    async def _start(self, service: Service, replay_since: datetime | None) -> None:
        try:
            await service.start(replay_since)
        except Exception as error:
            self.failure = self.failure or error
            self.at_failure()

    async def wait_until_ready(self, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while [fault for service in self.services.values() for fault in await service.ready()]:
                if self.failure:
                    raise self.failure
                await asyncio.sleep(0.05)

    async def drain(self, seconds: float) -> None:
        """Until nothing waits in any outbox and every door has read its partitions; raises TimeoutError after that."""
        async with asyncio.timeout(seconds):
            while not all([await service.is_quiet() for service in self.services.values()]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


class Server(uvicorn.Server):
    """Uvicorn without its signal handling: who starts it decides when it ends."""

    @classmethod
    def of(cls, app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> "Server":
        return cls(
            uvicorn.Config(
                app, host=host, port=port, lifespan="off", access_log=False, log_config=None, server_header=False,
                timeout_graceful_shutdown=3, loop="none",
            )
        )  # fmt: skip

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True
