"""What a run stands on: three brokers, PostgreSQL, mail sink, gateway, and the service processes with settings."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos.cluster import Cluster
from chaos.database import Database
from chaos.gateway import Gateway
from chaos.members import Members
from chaos.sink import Sink
from shared.migrate import ROOT

PARTITIONS = 12
SERVICES = {"billing": 2, "validation": 2, "notifications": 2, "orders": 2}
LIMIT = "EUR:1000000000000"


@dataclass
class Stage:
    cluster: Cluster
    database: Database
    sink: Sink
    members: Members


@asynccontextmanager
async def stage(
    logs: Path, services: Mapping[str, int], modules: Mapping[str, str], poll_interval: float
) -> AsyncIterator[Stage]:
    members = Members(services, logs, modules)
    gateway = Gateway([member.port for member in members.of("billing")])
    async with Cluster() as cluster, Database() as database, Sink() as sink, gateway:
        environment = _environment(cluster, database, sink, gateway, poll_interval)
        await _prepare(database, services, environment)
        await cluster.until_whole()
        async with members:
            await members.start(environment)
            yield Stage(cluster, database, sink, members)


def _environment(
    cluster: Cluster, database: Database, sink: Sink, gateway: Gateway, poll_interval: float
) -> dict[str, str]:
    return {
        **{f"ISSUARY_{name.upper()}_DATABASE_URL": database.url(name) for name in SERVICES},
        "ISSUARY_KAFKA": cluster.address,
        "ISSUARY_KAFKA_PARTITIONS": str(PARTITIONS),
        "ISSUARY_KAFKA_SESSION_TIMEOUT_MS": "8000",
        "ISSUARY_KAFKA_HEARTBEAT_INTERVAL_MS": "2000",
        "ISSUARY_KAFKA_REBALANCE_TIMEOUT_MS": "25000",
        "ISSUARY_KAFKA_MAX_POLL_INTERVAL_MS": str(int(poll_interval * 1000)),
        "ISSUARY_BILLING_DEFAULT_LIMITS": LIMIT,
        "ISSUARY_NOTIFICATIONS_BILLING_URL": gateway.url,
        "ISSUARY_NOTIFICATIONS_SMTP_PORT": str(sink.port),
        "ISSUARY_VALIDATION_RESOLVERS": "127.0.0.1:1",  # trusted by nobody, so nothing is looked up
        "ISSUARY_SESSION_SECRET": "chaos",
        "ISSUARY_SERVICE_KEY": "chaos",
    }


async def _prepare(database: Database, services: Mapping[str, int], environment: Mapping[str, str]) -> None:
    """By the commands of production."""
    await database.make_databases(services)
    await asyncio.gather(_ctl(environment, "migrate", *services), _ctl(environment, "topics"))
    await _ctl(environment, "billing", "load", "docs/catalogue.toml")


async def _ctl(environment: Mapping[str, str], *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", "ctl", *arguments, env={**os.environ, **environment}, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    if process.returncode:
        raise RuntimeError(f"ctl {' '.join(arguments)} failed: {said.decode()[-2000:]}")
