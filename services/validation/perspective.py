"""`python -m services validation --perspective NAME`: the eyes of validation at another place of the network. It knows
neither accounts nor tokens; it looks where it is told to and says what it saw (BR 3.2.2.9)."""

import asyncio
import re
import signal
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.validation.clients.answering import Answerer
from services.validation.clients.checks_https import application
from services.validation.clients.checks_kafka import KafkaListener
from services.validation.clients.configured import client_of, identity_of, observer_of
from services.validation.clients.watch import ResolverWatch
from services.validation.rules.quorum import REGIONS
from services.validation.settings import Settings
from shared.host import Server
from shared.settings import SettingsRefused
from shared.waiting import Waiting

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
RETRY_SECONDS = 1.0


def build(settings: Settings, name: str) -> "Perspective":
    if not NAME.fullmatch(name):
        raise SettingsRefused(f"{name!r} is no name of a perspective: letters a to z, digits and hyphens.")
    if settings.perspective_region not in REGIONS:
        raise SettingsRefused(f"ISSUARY_VALIDATION_PERSPECTIVE_REGION has to be one of {', '.join(REGIONS)}.")
    client = client_of(settings)
    watch = None if settings.test_mode else ResolverWatch(client, settings.signed_zone, settings.broken_zone)
    answerer = Answerer(name, settings.perspective_region, observer_of(settings, name), watch)
    listener = None if settings.perspective_port else KafkaListener(settings, answerer)
    return Perspective(settings, answerer, listener)


@dataclass
class Perspective:
    """`listener`: by Kafka; without it checks come over HTTPS."""

    settings: Settings
    answerer: Answerer
    listener: KafkaListener | None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: Waiting = field(default_factory=lambda: Waiting("perspective"))

    async def run(self, host: str, port: int) -> None:
        """Until TERM or INT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopped.set)
        await self.serve(host, port)

    async def serve(self, host: str, port: int) -> None:
        servers = [Server.of(self.health(), host, port)]
        if self.listener is None:
            servers.append(self._checks(host))
        tasks = [asyncio.create_task(server.serve()) for server in servers]
        tasks.append(asyncio.create_task(self._watch()))
        if self.listener:
            tasks.append(asyncio.create_task(self._listen(self.listener)))
        ended = asyncio.create_task(self.stopped.wait())
        await asyncio.wait([*tasks, ended], return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.stop()
        self.stopped.set()
        await asyncio.gather(*tasks)
        await self.answerer.observer.close()

    def _checks(self, host: str) -> Server:
        config = uvicorn.Config(
            application(self.answerer), host=host, port=self.settings.perspective_port, lifespan="off",
            access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=3, loop="none",
        )  # fmt: skip
        config.load()
        config.ssl = identity_of(self.settings).answering()
        return Server(config)

    async def _listen(self, listener: KafkaListener) -> None:
        opening = asyncio.create_task(self.waiting.until("Kafka", listener.open))
        await asyncio.wait([opening, asyncio.create_task(self.stopped.wait())], return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            return
        opening.result()
        await self.stopped.wait()
        await listener.close()

    async def _watch(self) -> None:
        """At start and hourly (NT8)."""
        while not self.stopped.is_set():
            if self.answerer.watch:
                await self.answerer.watch.step()
            try:
                await asyncio.wait_for(self.stopped.wait(), RETRY_SECONDS)
            except TimeoutError:
                continue

    def faults(self) -> list[str]:
        untrusted = self.answerer.watch.fault if self.answerer.watch else None
        return [*self.waiting.reasons.values(), *([untrusted] if untrusted else [])]

    def health(self) -> Starlette:
        async def live(request: Request) -> JSONResponse:
            return JSONResponse({"status": "ok", "perspective": self.answerer.name})

        async def ready(request: Request) -> JSONResponse:
            if faults := self.faults():
                return JSONResponse({"status": "unavailable", "reasons": faults}, 503)
            return JSONResponse({"status": "ok", "perspective": self.answerer.name})

        return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready)])
