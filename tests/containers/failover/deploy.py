"""A new version is rolled out while orders come in: each process is asked to end and another takes its place."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from benchmarks.ground import orders, send
from shared.door import CHUNK
from tests.containers.figures import told
from tests.containers.staged import Running, Stage, a_stage
from tests.waiting import until

RATE = 40
GAP = """
SELECT extract(epoch FROM max(gap)) FROM (
  SELECT received_at - lag(received_at) OVER (ORDER BY received_at) AS gap FROM inbox WHERE topic = 'orders.events.v1'
) AS g
"""
HOLES = "SELECT 1 FROM invoice GROUP BY entity_id, series, year HAVING max(seq) <> count(*)"
CHARGED = "SELECT count(*), count(DISTINCT (order_source, order_id)) FROM invoice"


class Traffic:
    """Orders of another system at a steady rate, until it is enough."""

    def __init__(self, kafka: str) -> None:
        self._kafka, self._enough = kafka, asyncio.Event()
        self.sent = 0

    async def run(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._kafka)
        await producer.start()
        waiting, began = [], time.monotonic()
        for event in orders(10_000):
            waiting.append(await send(producer, event))
            self.sent += 1
            await asyncio.sleep(max(0.0, began + self.sent / RATE - time.monotonic()))
            if self._enough.is_set():
                break
        await asyncio.gather(*waiting)
        await producer.stop()

    def end(self) -> None:
        self._enough.set()


async def rows(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def replaced(stage: Stage, old: Running, again: list[int]) -> tuple[Running, float]:
    again.append(await old.came_again())
    took = await old.terminate()
    new = await stage.start("billing")
    return await new.until_ready(), took


async def a_rolling_restart_delivers_nothing_again() -> None:
    with TemporaryDirectory() as directory:
        async with a_stage(Path(directory), ("billing",)) as stage:
            members = [await stage.start("billing"), await stage.start("billing")]
            await asyncio.gather(*(one.until_ready() for one in members))
            traffic, again, ends = Traffic(stage.kafka.address), list[int](), list[float]()
            flowing = asyncio.create_task(traffic.run())
            await asyncio.sleep(3)
            for n, old in enumerate(members):
                members[n], took = await replaced(stage, old, again)
                ends.append(took)
                await asyncio.sleep(2)
            traffic.end()
            await flowing
            url = stage.postgres.url("billing")
            await until_charged(url, traffic.sent)
            again += [await one.came_again() for one in members]
            [[longest]] = await rows(url, GAP)
            failed = sum(one.failed_commits() for one in stage.running)
            told(
                "graceful deploy",
                events=traffic.sent,
                came_again=sum(again),
                failed_commits=failed,
                rate=RATE,
                seconds_to_end=max(ends),
                longest_gap_s=float(longest),
            )
    assert sum(again) <= failed * CHUNK, again  # none without an offset that was not noted


async def until_charged(url: str, number: int) -> None:
    """Each order once, and no number left out."""

    async def charged() -> bool:
        return bool((await rows(url, CHARGED))[0][0] >= number)

    await until(charged, 120, "all orders are charged")
    assert tuple((await rows(url, CHARGED))[0]) == (number, number)
    assert await rows(url, HOLES) == []
