"""The contenders of `make bench` do the same work: from the same events, the same rows in every table of billing."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from benchmarks import closing, floor, ground, large_book, naive
from services.billing.app import build
from services.billing.models import Base
from services.billing.queries.verify import verify
from services.billing.settings import Settings
from shared.db import Database, make_engine
from shared.devstack.chosen import Postgres
from shared.events.orders import OrderPlaced
from tests.billing.book import assert_in_order
from tests.bus import as_record
from tests.conftest import CLEAN, copy_database

COUNT = 50
TABLES = sorted({*Base.metadata.tables, "inbox", "outbox"})
UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


async def issuary(url: str, events: Sequence[OrderPlaced]) -> None:
    service = build(Settings.from_environment({"ISSUARY_DATABASE_URL": url}))
    service.door.commit_offset = None
    await service.door.handle([as_record(event, n) for n, event in enumerate(events)])
    await service.stop()


async def naively(url: str, events: Sequence[OrderPlaced]) -> None:
    engine = create_async_engine(url)
    for event in events:
        async with AsyncSession(engine, expire_on_commit=False) as tx, tx.begin():
            await naive.charge_order(tx, event)
    await engine.dispose()


async def on_the_floor(url: str, events: Sequence[OrderPlaced]) -> None:
    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(False))
    catalogue = await floor.read_catalogue(connection)
    async with connection.transaction():
        await floor.charge_orders(connection, catalogue, [event.model_dump_json().encode() for event in events])
    await connection.close()


async def rows_of(url: str) -> dict[str, list[str]]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = {name: (await connection.execute(text(f"SELECT * FROM {name}"))).all() for name in TABLES}
    await engine.dispose()
    return {name: sorted(str({key: plain(value) for key, value in row._mapping.items()}) for row in rows)
            for name, rows in found.items()}  # fmt: skip


def plain(value: Any) -> Any:
    """Without what chance or the clock gave."""
    if isinstance(value, datetime | UUID):
        return type(value).__name__
    if isinstance(value, bytes | memoryview):
        return plain(bytes(value).decode())
    if isinstance(value, str):
        return TIMES.sub("time", UUIDS.sub("uuid", value))
    if isinstance(value, dict):
        return {name: plain(value[name]) for name in sorted(value)}
    return value


async def test_all_contenders_write_the_same_rows(
    postgres: Postgres, databases: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "ACCOUNTS", 7)
    await ground.open_accounts(await copy_database(postgres, CLEAN, "bench"))
    events = ground.orders(COUNT)
    written: dict[str, dict[str, list[str]]] = {}

    for contender in (issuary, naively, on_the_floor):
        url = await copy_database(postgres, "bench", f"bench_{contender.__name__}")
        await contender(url, events)
        written[contender.__name__] = await rows_of(url)

    counted = {name: len(rows) for name, rows in written["issuary"].items()}
    assert counted["invoice"] == counted["charge"] == counted["journal"] == counted["document"] == COUNT
    assert counted["posting"] == 3 * COUNT
    assert counted["outbox"] == 2 * COUNT
    for other in ("naively", "on_the_floor"):
        for table in TABLES:
            assert written[other][table] == written["issuary"][table], f"{table} of {other}"


async def test_all_contenders_leave_alone_what_they_have_had(
    postgres: Postgres, databases: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "ACCOUNTS", 3)
    await ground.open_accounts(await copy_database(postgres, CLEAN, "bench"))
    events = ground.orders(5)

    for contender in (issuary, naively, on_the_floor):
        url = await copy_database(postgres, "bench", f"bench_{contender.__name__}")
        await contender(url, events)
        before = await rows_of(url)
        await contender(url, events)
        assert await rows_of(url) == before, contender.__name__


async def test_the_large_book_is_one_that_billing_could_have_made(
    postgres: Postgres, databases: dict[str, str]
) -> None:
    url = await copy_database(postgres, CLEAN, "bench_large")
    await ground.open_accounts(url)

    await large_book.fill(url, large_book.Size(invoices=200, postings=2000))

    db = Database(make_engine(url, "tests"))
    assert [str(breach) async for breach in verify(db, lambda table, rows: None)] == []
    async with db.transaction() as tx:
        rows = {name: await tx.scalar(text(f"SELECT count(*) FROM {name}")) for name in ("invoice", "posting")}
    await db.bind.dispose()  # type: ignore[union-attr]
    assert rows["invoice"] == 200
    assert 1800 <= rows["posting"] <= 2000


async def test_the_month_that_is_measured_is_closed_and_in_order(postgres: Postgres, databases: dict[str, str]) -> None:
    url = await copy_database(postgres, CLEAN, "bench_month")
    given = {"ISSUARY_DATABASE_URL": url, "ISSUARY_BILLING_DEFAULT_LIMITS": ground.LIMIT}
    service = build(Settings.from_environment(given))

    await closing._last_month(service, 7)
    found = await closing._close(service)

    assert found["close_invoices_per_s"] > 0
    counted = {name: len(rows) for name, rows in (await rows_of(url)).items()}
    assert (counted["invoice"], counted["usage"], counted["closing"]) == (7, 13, 7)
    await assert_in_order(service.db)
    await service.stop()
