"""python -m services [orders billing …] | validation --perspective NAME | dev | ctl …"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from shared.db import utcnow
from shared.db.outage import saying_absence
from shared.door import Door
from shared.errors import DomainError
from shared.host import Host, Server
from shared.log import to_json_lines
from shared.migrate import ROOT, upgrade
from shared.service import Service
from shared.service.starting import StartRefused
from shared.settings import BaseSettings, SettingsRefused
from shared.waiting import Outage

if TYPE_CHECKING:  # the embedded stack is not part of a production image
    from shared.devstack.embedded import Embedded
    from shared.devstack.secrets import Secrets
    from shared.devstack.summary import Opened

log = logging.getLogger("issuary")

REFUSED = 3  # exit status
OPENED = """Account {account_id} is open, with division {division_id}.
Administrator {administrator}, password {password}
API key {api_key}
Password and key are shown once; keep them."""
OWN_COMMANDS = {
    "billing": "months, bank files, imports, prices, proof of the book: ctl billing --help",
    "orders": "open an account: ctl orders open-account --help",
}
NAMES = ("orders", "billing", "validation", "notifications")


def settings_of(name: str, environment: Mapping[str, str]) -> BaseSettings:
    if not name:
        return BaseSettings.from_environment(environment)
    settings: BaseSettings = import_module(f"services.{name}.settings").Settings.from_environment(environment)
    return settings


def build(name: str, environment: Mapping[str, str] = os.environ) -> Service:
    """Loaded by name, so that a container with one service imports one."""
    settings = settings_of(name, environment)
    if not settings.database_url:
        raise SettingsRefused(f"ISSUARY_{name.upper()}_DATABASE_URL is not given; {name} needs its database.")
    service: Service = import_module(f"services.{name}.app").build(settings)
    return service


def door_of(name: str) -> Door:
    return build(name, {"ISSUARY_DATABASE_URL": "postgresql+asyncpg://nowhere/none"}).door.door


def main(arguments: Sequence[str]) -> int:
    try:
        return run(arguments)
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 2


def run(arguments: Sequence[str]) -> int:
    first = arguments[0] if arguments else ""
    if first == "dev":
        stack, ctl = import_module("shared.devstack.stack"), import_module("shared.ctl")
        return int(stack.main(start_embedded, services=NAMES, topics=ctl.topics(), arguments=arguments[1:]))
    if first == "ctl":
        return control(arguments[1:])
    if arguments[:2] == ["validation", "--perspective"] and len(arguments) == 3:
        to_json_lines()
        return look_from(arguments[2])
    if unknown := [name for name in arguments if name not in NAMES]:
        sys.stderr.write(f"There is no service {unknown[0]}; there are {', '.join(NAMES)}.\n")
        return 2
    to_json_lines()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(arguments or NAMES))


def look_from(name: str) -> int:
    """A remote perspective of validation: no database, nobody's events, one job after the other."""
    perspective = import_module("services.validation.perspective").build(settings_of("validation", os.environ), name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(perspective.run(os.environ.get("ISSUARY_LISTEN", "127.0.0.1"), int(os.environ.get("PORT", "8080"))))
    return 0


def control(arguments: Sequence[str]) -> int:
    """What billing's own commands do, and `ctl orders open-account`; all else is the same for all services."""
    if arguments[:1] == ["--data"] and len(arguments) > 1:
        os.environ.update(running_in(Path(arguments[1])))
        return control(arguments[2:])
    if arguments[:1] == ["billing"]:
        return asyncio.run(billing_command(arguments[1:]))
    if arguments[:2] == ["orders", "open-account"]:
        return asyncio.run(open_account(arguments[2:]))
    ctl = import_module("shared.ctl")  # a service that serves needs no administration client
    tools = ctl.Tools(NAMES, build, lambda name: settings_of(name, os.environ), door_of, OWN_COMMANDS)
    return int(ctl.main(arguments, tools))


def running_in(directory: Path) -> dict[str, str]:
    """How the databases and the broker of a `make run` are reached."""
    try:
        told: dict[str, str] = json.loads((directory / "run.json").read_text(encoding="utf-8"))["environment"]
    except (OSError, ValueError, KeyError):
        raise SettingsRefused(
            f"Nothing runs in {directory}: there is no run.json of now. Start it with make run, or name another folder."
        ) from None
    return told


async def billing_command(arguments: Sequence[str]) -> int:
    cli = import_module("services.billing.cli")
    told = cli.told_by(arguments)  # help needs no database
    billing = build("billing")
    try:
        with saying_absence(billing.settings.database_url, "billing"):
            return int(await cli.run(billing, told))
    except (DomainError, Outage) as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def open_account(arguments: Sequence[str]) -> int:
    cli = import_module("services.orders.cli")
    told, orders = cli.told(arguments), build("orders")
    try:
        with saying_absence(orders.settings.database_url, "orders"):
            opened = await cli.open_account(orders.db, told, os.environ.get("USER", "shell"), utcnow())
    except (DomainError, Outage) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{json.dumps(opened) if told.json else OPENED.format(**opened)}\n")
    return 0


async def serve(names: Sequence[str]) -> int:
    """Serves until TERM or INT; then HTTP drains, and the services end in their order. The exit status."""
    host = Host([build(name) for name in names])
    server = Server.of(host, os.environ.get("ISSUARY_LISTEN", "127.0.0.1"), int(os.environ.get("PORT", "8080")))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    host.at_failure = server.stop
    async with host.running():
        await server.serve()
    if isinstance(host.failure, StartRefused):
        for reason in host.failure.reasons:
            log.critical(reason)
        return REFUSED
    if host.failure:
        raise host.failure
    return 0


@asynccontextmanager
async def start_embedded(embedded: "Embedded") -> AsyncIterator["Opened"]:
    """`make run`: migrated, with the dated data and the demo account, all services behind one port."""
    to_json_lines_in(embedded.logs / "services.log")
    for name in NAMES:
        await asyncio.to_thread(upgrade, name, settings_of(name, embedded.environment).database_url)
    services = {name: build(name, embedded.environment) for name in NAMES}
    await import_module("services.billing.cli").load(
        services["billing"].db, ROOT / "docs" / "catalogue.toml", "make run", utcnow()
    )
    opened = await open_demo(services["orders"], embedded.secrets)
    host = Host(list(services.values()))
    server = Server.of(host)
    async with host.running(replay_since=embedded.replay_since):
        serving = asyncio.create_task(server.serve(sockets=[embedded.listener]))
        await host.wait_until_ready(seconds=60)
        try:
            yield opened
        finally:
            server.stop()
            await serving
            await host.drain(seconds=5)


async def open_demo(orders: Service, secrets: "Secrets") -> "Opened":
    cli = import_module("services.orders.cli")
    names = [cli.holder(user.email) for user in cli.USERS]
    passwords = {name: secrets.password(f"password_{name}") for name in names}
    keys = {name: secrets.token(f"api_key_{name}") for name in cli.WITH_KEY}
    opened: Opened = await cli.open_demo(orders.db, cli.DemoSecrets(passwords, keys))
    told = {name: key for name, key in opened["api_keys"].items() if name != "limited_user"}  # for the demo alone
    return {**opened, "api_keys": told}


def to_json_lines_in(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    to_json_lines(stream=path.open("a"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
