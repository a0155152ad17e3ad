"""Services that share a process, and the same apart: what sharing costs, and that they do not disturb each other."""

import asyncio
import os
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.ground import publish
from benchmarks.processes import latencies, p50_and_p99
from tests.containers.failover.broker_loss import nothing_pending
from tests.containers.failover.deploy import HOLES, rows
from tests.containers.figures import told
from tests.containers.staged import Stage, a_stage, foreign_orders
from tests.waiting import until

SERVICES = ("billing", "validation")
ORDERS = int(os.environ.get("TOGETHER_ORDERS", "600"))
SETTLED = {
    "billing": "SELECT 1 FROM invoice HAVING count(*) = {}",
    "validation": "SELECT 1 FROM order_need HAVING count(*) = {}",
}


async def services_of_one_process_do_what_they_do_apart() -> None:
    for name, processes in (("together", [SERVICES]), ("apart", [(one,) for one in SERVICES])):
        with TemporaryDirectory() as directory:
            async with a_stage(Path(directory), SERVICES) as stage:
                running = [await stage.start(*names) for names in processes]
                await asyncio.gather(*(one.until_ready() for one in running))
                times = await latencies(stage.kafka.address, rate=20, seconds=8)
                cuts = p50_and_p99(times[40:])
                began = time.monotonic()
                await publish(stage.kafka.address, foreign_orders(ORDERS, first=10_001))
                await until_settled(stage, ORDERS + len(times))
                took = time.monotonic() - began
                told(f"two services {name}", orders=ORDERS, per_s=ORDERS / took, rate=20, **cuts)
                assert await rows(stage.postgres.url("billing"), HOLES) == []


async def until_settled(stage: Stage, number: int) -> None:
    for name, settled in SETTLED.items():
        await until(partial(rows, stage.postgres.url(name), settled.format(number)), 120, f"{name} is done")
    await until(partial(nothing_pending, stage), 120, "nothing waits in an outbox")
