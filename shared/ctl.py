"""`python -m services ctl …`: what an operator does from a shell. Each prints what it did, or why it did not."""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import acls, parking
from shared.asyncapi import all_events
from shared.db import utcnow
from shared.db.outage import saying_absence
from shared.door import Door
from shared.errors import DomainError, NotFound, Rejected
from shared.gateway import configuration
from shared.host import ROUTES
from shared.migrate import upgrade
from shared.relay import Leader, NotLeader, lead_or_wait
from shared.service import Service, mending
from shared.service.reaching import knock, reach
from shared.settings import BaseSettings
from shared.waiting import Outage, in_words
from shared.wire import database_ssl

FOR_ALL = ""  # settings as no service has them for itself

Build = Callable[[str], Service]
Settings = Callable[[str], BaseSettings]


@dataclass(frozen=True)
class Tools:
    """What differs from service to service, given by `services/__main__.py`."""

    names: Sequence[str]
    build: Build
    settings: Settings
    door: Callable[[str], Door]
    own: Mapping[str, str] = field(default_factory=dict)  # services that have commands of their own, and which


def topics() -> list[str]:
    return sorted({event.topic for event in all_events()})


def main(arguments: Sequence[str], tools: Tools) -> int:
    told = _parser(tools.names, tools.own).parse_args(arguments)
    command: Callable[[Any, Tools], Awaitable[None]] = told.command
    try:
        asyncio.run(_run(command, told, tools))
    except DomainError as error:
        print(error.message)
        return 1
    except Outage as absent:
        print(absent.reason)
        return 1
    return 0


async def _run(command: Callable[[Any, Tools], Awaitable[None]], told: Any, tools: Tools) -> None:
    built: list[Service] = []

    def build(name: str) -> Service:
        built.append(tools.build(name))
        return built[-1]

    try:
        with _absence(getattr(told, "service", FOR_ALL), tools):
            await command(told, replace(tools, build=build))
    finally:
        for service in built:
            if isinstance(service.db.bind, AsyncEngine):
                await service.db.bind.dispose()


@contextmanager
def _absence(name: str, tools: Tools) -> Iterator[None]:
    """Raises Outage where Kafka, or the database of `name`, is not to be had."""
    settings = tools.settings(name)
    try:
        with saying_absence(settings.database_url, name) if settings.database_url else nullcontext():
            yield
    except KafkaError as error:
        raise Outage(f"Kafka at {settings.kafka}: {in_words(error)}") from error


def _parser(names: Sequence[str], own: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services ctl")
    parser.add_argument("--data", metavar="DIR", help="before all else: the folder of a `make run`, like .issuary")
    commands = parser.add_subparsers(required=True)
    for name, text in own.items():
        commands.add_parser(name, help=text).add_subparsers(required=True)
    all_or_some = _command(commands, "migrate", migrate, "bring databases up to date", service=False)
    all_or_some.add_argument("services", nargs="*", help=f"some of {', '.join(names)}; all where none is named")
    made = _command(
        commands, "topics", make_topics, "make missing topics, say what is wrong with others", service=False
    )
    made.add_argument("--mend", action="store_true", help="correct the settings of topics, retention for example")
    made.add_argument("--remake", metavar="TOPIC", help="delete an empty topic and make it with the right partitions")
    _command(commands, "gateway", show_gateway, "nginx's configuration, made from the routes", service=False)
    _add_acls(commands)
    parked = commands.add_parser("parked", help="events that could not be applied").add_subparsers(required=True)
    _command(parked, "list", list_parked, "scopes with something parked", names)
    for name, command, text in (("show", show_parked, "the events of a scope"), ("retry", retry, "apply them again")):
        one = _command(parked, name, command, text, names)
        one.add_argument("topic")
        one.add_argument("scope")
    alone = _command(parked, "retry-one", retry_alone, "apply again an event that is parked without a scope", names)
    alone.add_argument("seq", type=int)
    discard = _command(parked, "discard", discard_parked, "delete one event, with a reason", names)
    discard.add_argument("seq", type=int)
    discard.add_argument("--reason", required=True)
    again = _command(commands, "replay", replay, "say again what was published", names)
    again.add_argument("--since", required=True, type=datetime.fromisoformat, help="2026-11-23T10:00:00Z")
    again.add_argument("--topic")
    again.add_argument("--from-id", type=int, default=0, help="go on after this id")
    return parser


def _add_acls(commands: Any) -> None:
    granted = _command(commands, "acls", grant_or_print, "each service's rights on Kafka, as a script", service=False)
    granted.add_argument("--apply", action="store_true", help="grant them instead")
    granted.add_argument("--principal", default="User:issuary-{}", help="{} stands for the service: User:CN={}")
    granted.add_argument("--system", action="append", default=[], help="another system: it asks and hears facts")


def _command(
    commands: Any, name: str, command: Any, text: str, names: Sequence[str] = (), service: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.set_defaults(command=command)
    if service:
        parser.add_argument("service", choices=names)
    return parser


async def migrate(told: Any, tools: Tools) -> None:
    if unknown := [name for name in told.services if name not in tools.names]:
        raise Rejected(f"There is no service {unknown[0]}; there are {', '.join(tools.names)}.")
    for name in told.services or tools.names:
        settings = tools.settings(name)
        with _absence(name, tools):
            schema = await asyncio.to_thread(upgrade, name, settings.database_url, database_ssl(settings))
        print(f"{name}: nothing is changed: {schema.sentence}" if schema.is_newer else f"{name}: up to date")


async def make_topics(told: Any, tools: Tools) -> None:
    """Partition counts are fixed for good and equal for all topics. What is there stays as it is, and what is wrong
    with it is said, unless mending is asked for."""
    settings = tools.settings(FOR_ALL)
    async with _administration(settings) as admin:
        await _make_topics(admin, told, settings)


@asynccontextmanager
async def _administration(settings: BaseSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = await reach(settings)
    try:
        yield admin
    finally:
        await admin.close()


async def _make_topics(admin: AIOKafkaAdminClient, told: Any, settings: BaseSettings) -> None:
    if told.remake:
        await mending.remake(admin, told.remake, settings)
        print(f"made again: {told.remake}")
    missing = await mending.make_missing(admin, topics(), settings)
    print(f"made: {', '.join(missing) or 'nothing, all topics are there'}")
    if told.mend:
        print(f"mended: {', '.join(await mending.mend(admin, topics(), settings)) or 'nothing'}")
    if wrong := await mending.faults_of(admin, topics(), settings):
        raise Rejected("\n".join(wrong))


async def show_gateway(told: Any, tools: Tools) -> None:
    print(configuration(ROUTES), end="")


async def grant_or_print(told: Any, tools: Tools) -> None:
    services = {told.principal.format(name): acls.of_service(name, tools.door(name)) for name in tools.names}
    others = {f"User:{name}": acls.of_system(name) for name in told.system}
    elsewhere = {told.principal.format("perspective"): acls.of_perspective()}
    grants = {**services, **elsewhere, told.principal.format("setup"): acls.of_setup(), **others}
    if not told.apply:
        print(acls.script(grants), end="")
        return
    async with _administration(tools.settings(FOR_ALL)) as admin:
        print(f"granted: {await acls.apply(admin, grants)} rights to {', '.join(grants)}")


async def list_parked(told: Any, tools: Tools) -> None:
    async with tools.build(told.service).db.transaction() as tx:
        rows = await parking.scopes(tx, limit=1000)
        lone = await parking.events(tx, "", None, limit=1000)
    for row in rows:
        print(f"{row.topic}  {row.scope}  {row.events} events since {row.since:%Y-%m-%d %H:%M:%S}  {row.reason}")
    for row in lone:
        print(f"{row.topic}  number {row.seq}  alone since {row.parked_at:%Y-%m-%d %H:%M:%S}  {row.error}")
    if not rows and not lone:
        print("Nothing is parked.")


async def show_parked(told: Any, tools: Tools) -> None:
    async with tools.build(told.service).db.transaction() as tx:
        for row in await parking.events(tx, told.topic, told.scope, limit=1000):
            print(f"{row.seq}  {row.event_id}  partition {row.partition}, offset {row.offset}  {row.error or 'waits'}")
            print(row.payload.decode(errors="replace"))


async def retry(told: Any, tools: Tools) -> None:
    service = tools.build(told.service)
    done = await service.door.again.retry(told.topic, told.scope)
    async with service.db.transaction() as tx:
        left = await parking.events(tx, told.topic, told.scope, limit=1000)
    print(f"{done} applied, {len(left)} left" + (f": {left[0].error}" if left else ""))


async def retry_alone(told: Any, tools: Tools) -> None:
    applied = await tools.build(told.service).door.again.retry_alone(told.seq)
    print("applied" if applied else "it failed again; see its reason with: parked list")


async def discard_parked(told: Any, tools: Tools) -> None:
    """What waited behind it is applied at once."""
    service = tools.build(told.service)
    async with service.db.transaction() as tx:
        topic, scope = await parking.discard(tx, told.seq, told.reason, os.environ.get("USER", "shell"), utcnow())
    done = 0
    if scope is not None:
        with suppress(NotFound):
            done = await service.door.again.retry(topic, scope)
    print(f"discarded; {done} that waited behind it were applied")


async def replay(told: Any, tools: Tools) -> None:
    """Takes the relay's lock, so that lost older events go before live ones; prints where to go on if it breaks."""
    service = tools.build(told.service)
    await knock(service.settings)
    leader = Leader(service.settings.database_url, database_ssl(service.settings))
    if not await lead_or_wait(leader, seconds=60):
        raise Rejected("The relay of this service still runs; stop it, so that older events go before newer ones.")
    since = told.since if told.since.tzinfo else told.since.replace(tzinfo=UTC)
    service.relay.leader = leader
    try:
        async with leader.awake():
            await service.sender.start()
        last = await service.relay.replay(since, told.from_id, told.topic)
    except NotLeader:
        raise Rejected("The connection that holds the relay's lock ended; begin the replay again.") from None
    finally:
        await service.sender.stop()
        await leader.release()
    print(json.dumps({"replayed_to": last}))
