"""`make run`: the embedded servers, the services among them, and one clean end however it is asked for."""

import argparse
import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from shared.devstack.broker import Broker
from shared.devstack.dns import DnsServer
from shared.devstack.embedded import Embedded, Servers, embedded_for, reaching
from shared.devstack.mail import MailSink
from shared.devstack.mailable import Mailable
from shared.devstack.postgres import Postgres
from shared.devstack.progress import say, step
from shared.devstack.record import Record
from shared.devstack.single import Refused, listen_later, take
from shared.devstack.stop import Stop
from shared.devstack.summary import Opened, run_json, welcome
from shared.devstack.views import start_views
from shared.devstack.zone import ZoneFile

DIRECTORY = Path(".issuary")
SERVICES_STOP_WITHIN = 7.0

# Entering migrates, opens the account and serves. Leaving drains and stops; an exception there means that not
# everything was heard, and the next run replays more. Signals are handled here: the web server must leave them alone.
StartServices = Callable[[Embedded], AbstractAsyncContextManager[Opened]]


def main(
    start_services: StartServices, *, services: Sequence[str], topics: Sequence[str], arguments: Sequence[str] = ()
) -> int:
    """The exit status. Call it in the main thread: signals and the servers' death signals depend on it."""
    parser = argparse.ArgumentParser(prog="python -m services dev")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--data", type=Path, default=DIRECTORY, help="where everything is kept")
    told = parser.parse_args(arguments)
    if not 0 < told.port < 65536:
        parser.error(f"PORT={told.port} is no port; choose one from 1 to 65535")
    try:
        with take(told.data.absolute()), listen_later(told.port) as listener:
            stack = Stack(start_services, services, topics, told.data.absolute(), listener)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                fault = runner.run(stack.run())
    except Refused as refused:
        fault = str(refused)
    say(fault or "Stopped.")
    return 1 if fault else 0


@dataclass
class Stack:
    start_services: StartServices
    services: Sequence[str]
    topics: Sequence[str]
    directory: Path
    listener: socket.socket
    began: float = field(default_factory=time.monotonic)

    async def run(self) -> str:
        """What went wrong, or nothing."""
        record = Record(self.directory, datetime.now(UTC))
        with Stop() as stop:
            try:
                async with self._servers(stop) as servers:
                    await self._serve(servers, record, stop)
            except asyncio.CancelledError:
                if not stop.asked.is_set():
                    raise
            finally:
                record.clear()
        return stop.fault

    @asynccontextmanager
    async def _servers(self, stop: Stop) -> AsyncIterator[Servers]:
        """Stopped in the opposite order; an end that nobody asked for stops everything and is said."""
        logs = self.directory / "logs"
        async with AsyncExitStack() as stack:
            with step("PostgreSQL"):
                postgres = await stack.enter_async_context(Postgres(self.directory / "postgres", log=logs / "pg.log"))
                await postgres.make_databases(self.services)
            with step("broker"):
                broker = await stack.enter_async_context(Broker(logs / "broker.log"))
                await broker.make_topics(self.topics)
            with step("DNS server and mail sink"):
                zone = ZoneFile(self.directory / "dns.zone", say)
                dns = await stack.enter_async_context(DnsServer(Mailable(zone), say))
                views = await start_views(stack, self.directory, zone, say)
                mail = await stack.enter_async_context(MailSink(self.directory / "mails"))
            stack.enter_context(stop.when_ended(postgres.child, broker.child))
            yield Servers(postgres, broker, dns, mail, views)

    async def _serve(self, servers: Servers, record: Record, stop: Stop) -> None:
        embedded = embedded_for(servers, self.services, self.directory, self.listener, record.replay_since())
        try:
            async with asyncio.timeout(None) as limit, self.start_services(embedded) as opened:
                stop.started()
                run = run_json(embedded.console, os.getpid(), servers, opened)
                self._tell(record, run | {"environment": reaching(servers, self.services)})
                await stop.asked.wait()
                say("\nStopping: what is under way is finished first …")
                limit.reschedule(asyncio.get_running_loop().time() + SERVICES_STOP_WITHIN)
        except TimeoutError:
            say(f"Not everything was finished within {SERVICES_STOP_WITHIN:.0f} s: the next start replays more.")
        else:
            if not stop.fault:
                record.ended_cleanly()

    def _tell(self, record: Record, run: dict[str, object]) -> None:
        record.ready(run)
        say(welcome(run, time.monotonic() - self.began, record.run_json))
