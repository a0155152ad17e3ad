"""Servers, a migrated database with accounts that can pay, and the orders of a benchmark."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from sqlalchemy.engine import make_url

from services.billing.app import build
from services.billing.cli import load
from services.billing.settings import Settings
from shared.asyncapi import all_events
from shared.devstack.chosen import Broker, Postgres, new_broker, new_postgres
from shared.events.orders import TOPIC, AboutOrder, Account, AccountOpened, Address, Division, OrderPlaced, Term
from shared.migrate import ROOT, upgrade

ACCOUNTS = 200
LIMIT = "EUR:1000000000000"


@dataclass
class Ground:
    """PostgreSQL (durable) and broker, embedded or in containers; a database that every contender gets a copy of."""

    postgres: Postgres
    broker: Broker
    directory: Path

    async def value(self, database: str, sql: str) -> int:
        connection = await asyncpg.connect(plain(self.postgres.url(database)))
        try:
            return int(await connection.fetchval(sql))
        finally:
            await connection.close()

    async def copy(self, name: str) -> str:
        connection = await asyncpg.connect(plain(self.postgres.url("postgres")))
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE billing')
        await connection.close()
        return self.postgres.url(name)


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    with TemporaryDirectory() as directory:
        async with (
            new_postgres(Path(directory) / "pg") as postgres,
            new_broker(Path(directory) / "broker.log") as broker,
        ):
            await broker.make_topics(sorted({event.topic for event in all_events()}))
            await postgres.make_databases(["billing"])
            url = postgres.url("billing")
            await asyncio.to_thread(upgrade, "billing", url)
            await open_accounts(url)
            yield Ground(postgres, broker, Path(directory))


async def open_accounts(url: str) -> None:
    settings = {"ISSUARY_DATABASE_URL": url, "ISSUARY_BILLING_DEFAULT_LIMITS": LIMIT}
    service = build(Settings.from_environment(settings))
    now = datetime.now(UTC)
    await load(service.db, ROOT / "docs" / "catalogue.toml", "benchmark", now)
    listener = service.door.door.listeners[AccountOpened]
    async with service.db.transaction() as tx:
        for account in accounts():
            event = AccountOpened(occurred_at=now, account_id=account.id, account=account, division=division(account))
            await listener.apply(event, tx)
    await service.stop()


def accounts(count: int | None = None) -> list[Account]:
    address = Address(line1="Hauptstraße 1", postcode="10115", city="Berlin", country="DE")
    return [
        Account(id=n, name=f"Customer {n}", legal_name=f"Customer {n} GmbH", address=address, currency="EUR",
                billing_emails=(f"ap{n}@customer.example",))
        for n in range(20_001, 20_001 + (count or ACCOUNTS))
    ]  # fmt: skip


def division(account: Account) -> Division:
    return Division(id=account.id, name="Main")


def orders(count: int, first: int = 1) -> list[OrderPlaced]:
    now, customers = datetime.now(UTC), accounts()
    return [
        OrderPlaced(
            occurred_at=now, account_id=account.id, account=account, division=division(account), order_id=first + n,
            product_name_id="ssl_dv_geotrust", term=Term(years=1), names=(f"www{n}.customer.example",),
            placed_by="benchmark", placed_at=now,
        )
        for n, account in ((n, customers[n % ACCOUNTS]) for n in range(count))
    ]  # fmt: skip


async def publish(kafka: str, events: Sequence[OrderPlaced]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5)
    await producer.start()
    waiting = [await send(producer, event) for event in events]
    await asyncio.gather(*waiting)
    await producer.stop()


async def send(producer: AIOKafkaProducer, event: OrderPlaced) -> Awaitable[object]:
    answer: Awaitable[object] = await producer.send(**as_record(event))
    return answer


def as_record(event: AboutOrder) -> dict[str, Any]:
    value, key = event.model_dump_json().encode(), event.key.encode()
    return {"topic": TOPIC, "value": value, "key": key, "headers": _headers(event)}


def _headers(event: AboutOrder) -> list[tuple[str, bytes]]:
    return [("ce_id", str(event.id).encode()), ("ce_type", event.type.encode()), ("ce_source", event.source.encode())]
