"""Memory over a long run: python -m benchmarks.steady [MINUTES] [ORDERS_A_SECOND]. Four processes; an order is placed,
charged, printed, mailed, and some seconds later cancelled, credited, printed and mailed, so that what waits does not
grow and what grows is a leak."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import linear_regression
from typing import Any

from aiokafka import AIOKafkaProducer
from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks import plot
from benchmarks.ground import Ground, as_record, ground, orders
from benchmarks.processes import SERVICES, Processes, resident, running
from shared.events.orders import OrderCancelled, OrderPlaced
from shared.migrate import ROOT

OUT = ROOT / ".issuary" / "bench"
SAMPLE_EVERY = 10.0
CANCELLED_AFTER = 5
WARM_UP = 300.0  # seconds that the slope leaves out: caches fill, pools grow

Samples = list[dict[str, float]]


class CountingSink:
    """Takes every mail and keeps its number."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken += 1
        return "250 taken"

    def session(self) -> SMTP:
        return SMTP(self, enable_SMTPUTF8=True, data_size_limit=2**25, hostname="localhost")


async def measure(minutes: float, rate: int) -> dict[str, Any]:
    sink, seconds = CountingSink(), round(minutes * 60)
    server = await asyncio.get_running_loop().create_server(sink.session, "127.0.0.1", 0)
    told = {"ISSUARY_NOTIFICATIONS_SMTP_PORT": str(server.sockets[0].getsockname()[1])}
    async with ground() as field, running(field, SERVICES, told) as processes:
        watching = asyncio.create_task(_watch(processes, seconds))
        await _publish(field, rate, seconds)
        samples = await watching
        left = await _left(field)
    server.close()
    return {"rate": rate, "mails": sink.taken, "left": left, "samples": samples, "slopes": slopes(samples)}


async def _publish(field: Ground, rate: int, seconds: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=field.broker.address, linger_ms=5)
    await producer.start()
    began, placed = time.monotonic(), [orders(rate, first=1 + second * rate) for second in range(seconds)]
    for second, batch in enumerate(placed):
        ended = placed[second - CANCELLED_AFTER] if second >= CANCELLED_AFTER else []
        for event in (*batch, *map(_cancelled, ended)):
            await producer.send(**as_record(event))
        await asyncio.sleep(max(0.0, began + second + 1 - time.monotonic()))
    await producer.stop()


def _cancelled(placed: OrderPlaced) -> OrderCancelled:
    return OrderCancelled(
        occurred_at=datetime.now(UTC), account_id=placed.account_id, order_id=placed.order_id, cancelled_by="benchmark"
    )


async def _watch(processes: Processes, seconds: int) -> Samples:
    began, samples = time.monotonic(), []
    while (now := time.monotonic() - began) < seconds:
        sizes = {name: float(resident(process.pid)) for name, process in processes.items()}
        samples.append({"seconds": round(now, 1), **sizes})
        print(json.dumps(samples[-1]), flush=True)
        await asyncio.sleep(SAMPLE_EVERY)
    return samples


async def _left(field: Ground) -> dict[str, int]:
    """What waits at the end: a run that falls behind says nothing about memory at a steady rate."""
    waits = {"documents": "SELECT count(*) FROM document WHERE sha256 IS NULL", "outbox": "SELECT count(*) FROM outbox"}
    return {name: await field.value("billing", sql) for name, sql in waits.items()}


def slopes(samples: Sequence[dict[str, float]]) -> dict[str, float]:
    """MB an hour by service, after the warm-up."""
    warm = [one for one in samples if one["seconds"] >= min(WARM_UP, samples[-1]["seconds"] / 2)]
    hours = [one["seconds"] / 3600 for one in warm]
    return {name: round(linear_regression(hours, [one[name] for one in warm]).slope, 1) for name in SERVICES}


def main(minutes: str = "30", rate: str = "15") -> None:
    found = asyncio.run(measure(float(minutes), int(rate)))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "memory.json").write_text(json.dumps(found, indent=1) + "\n")
    (OUT / "memory.svg").write_text(plot.svg(found["samples"], SERVICES))
    print(json.dumps({name: value for name, value in found.items() if name != "samples"}, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
