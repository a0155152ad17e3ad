"""Day partitions: made before they are needed, whatever lies in their way; old ones dropped."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.inbox import day_bounds, foreign_id, is_foreign, said_at
from shared.partitions import keep_partitions
from tests.bus import as_record
from tests.toy import Toy, counted

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def dated(day: datetime, n: int = 1) -> UUID:
    return UUID(int=(int((day + timedelta(hours=12)).timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | n)


async def partitions(toy: Toy, table: str) -> list[str]:
    rows = await toy.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = CAST(:t AS regclass) ORDER BY 1",
        t=table,
    )
    return [row.name for row in rows]


async def forget_day(toy: Toy, day: datetime) -> None:
    async with toy.engine.begin() as connection:
        for table in ("inbox", "published"):
            await connection.execute(text(f"DROP TABLE IF EXISTS {table}_{day:%Y%m%d}"))


async def note(toy: Toy, *ids: UUID, age_days: int = 0) -> None:
    async with toy.engine.begin() as connection:
        for one in ids:
            await connection.execute(
                text("INSERT INTO inbox VALUES (:id, 'old.topic', now() - make_interval(days => :age))"),
                {"id": one, "age": age_days},
            )


async def test_the_next_seven_days_are_there(toy: Toy) -> None:
    for n in range(1, 8):
        await forget_day(toy, TODAY + timedelta(days=n))

    await keep_partitions(toy.db, 35, 30)

    for table in ("inbox", "published"):
        names = set(await partitions(toy, table))
        assert {f"{table}_{TODAY + timedelta(days=n):%Y%m%d}" for n in range(8)} <= names


async def test_rows_of_a_day_that_lie_in_the_default_partition_move_out_of_its_way(toy: Toy) -> None:
    day = TODAY + timedelta(days=5)
    await forget_day(toy, day)
    ahead, foreign = [dated(day, n) for n in range(3)], foreign_id("shop", "e-1")
    await note(toy, *ahead, foreign)
    assert await toy.value("SELECT count(*) FROM inbox_other") == 4

    await keep_partitions(toy.db, 35, 30)
    await keep_partitions(toy.db, 35, 30)

    assert await toy.value(f"SELECT count(*) FROM inbox_{day:%Y%m%d}") == 3
    assert await toy.rows("SELECT event_id FROM inbox_other") == [(foreign,)]
    assert await toy.value("SELECT count(*) FROM inbox WHERE topic = 'old.topic'") == 4


async def test_a_backup_that_reads_the_tables_for_hours_stops_neither_the_keeper_nor_the_door(toy: Toy) -> None:
    day = TODAY + timedelta(days=6)
    await forget_day(toy, day)
    async with toy.engine.connect() as backup:
        await backup.execute(text("LOCK TABLE inbox, published IN ACCESS SHARE MODE"))
        keeping = asyncio.create_task(keep_partitions(toy.db, 35, 30))
        await asyncio.sleep(0.1)

        await asyncio.wait_for(toy.open_door().handle([as_record(counted(1, 1))]), 2)
        await asyncio.wait_for(keeping, 5)

    assert await toy.versions() == {1: 1}
    assert f"inbox_{day:%Y%m%d}" not in await partitions(toy, "inbox")
    await keep_partitions(toy.db, 35, 30)
    assert f"inbox_{day:%Y%m%d}" in await partitions(toy, "inbox")


async def test_without_a_partition_for_today_nothing_is_sent(toy: Toy) -> None:
    await forget_day(toy, TODAY)
    async with toy.engine.connect() as backup:
        await backup.execute(text("LOCK TABLE published IN ACCESS SHARE MODE"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            await keep_partitions(toy.db, 35, 30)

    await keep_partitions(toy.db, 35, 30)


async def test_a_new_day_keeps_ids_unique_like_every_other(toy: Toy) -> None:
    day = TODAY + timedelta(days=4)
    await forget_day(toy, day)
    await note(toy, dated(day))
    await keep_partitions(toy.db, 35, 30)

    again = "INSERT INTO inbox VALUES (:id, 't') ON CONFLICT DO NOTHING RETURNING event_id"
    async with toy.engine.begin() as connection:
        assert (await connection.execute(text(again), {"id": dated(day)})).all() == []
        assert len((await connection.execute(text(again), {"id": dated(day, 2)})).all()) == 1


async def test_what_is_beyond_the_horizon_goes_and_nothing_younger(toy: Toy) -> None:
    days = {n: TODAY - timedelta(days=n) for n in (31, 35, 36, 40)}
    async with toy.engine.begin() as connection:
        for table in ("inbox", "published"):
            for day in days.values():
                low, high = day_bounds(day) if table == "inbox" else (f"{day}", f"{day + timedelta(days=1)}")
                await connection.execute(
                    text(
                        f"CREATE TABLE IF NOT EXISTS {table}_{day:%Y%m%d} PARTITION OF {table}"
                        f" FOR VALUES FROM ('{low}') TO ('{high}')"
                    )
                )

    await keep_partitions(toy.db, 35, 30)

    inbox, published = await partitions(toy, "inbox"), await partitions(toy, "published")
    assert [f"inbox_{days[n]:%Y%m%d}" in inbox for n in (31, 35, 36, 40)] == [True, True, True, False]
    assert [f"published_{days[n]:%Y%m%d}" in published for n in (31, 35, 36, 40)] == [True, False, False, False]


async def test_foreign_ids_are_kept_as_long_as_the_inbox(toy: Toy) -> None:
    young, old = foreign_id("shop", "young"), foreign_id("shop", "old")
    await note(toy, young, age_days=34)
    await note(toy, old, age_days=36)

    await keep_partitions(toy.db, 35, 30)

    assert await toy.rows("SELECT event_id FROM inbox") == [(young,)]


def test_foreign_ids_are_of_version_8_and_lie_behind_every_day() -> None:
    one = foreign_id("shop", "1")

    assert (one.version, one.variant) == (8, "specified in RFC 4122")
    assert is_foreign(one)
    assert one > day_bounds(datetime(9999, 1, 1, tzinfo=UTC))[1]
    assert len({foreign_id("a", "bc"), foreign_id("ab", "c"), foreign_id("", "abc")}) == 3
    assert said_at(dated(TODAY)) == TODAY + timedelta(hours=12)
