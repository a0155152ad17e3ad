"""Each service as a process of its own, as in production: record-in to record-out time at a steady rate, and memory."""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import quantiles
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.ground import Ground, as_record, ground, orders
from shared.devstack.child import free_port
from shared.devstack.chosen import BROKER_HABITS
from shared.migrate import ROOT, upgrade

SERVICES = ("orders", "billing", "validation", "notifications")
SAID = "billing.events.v1"
READY_WITHIN = 60.0


@asynccontextmanager
async def running(field: Ground, names: tuple[str, ...]) -> AsyncIterator[dict[str, asyncio.subprocess.Process]]:
    others = [name for name in names if name != "billing"]
    await field.postgres.make_databases(others)
    for name in others:
        await asyncio.to_thread(upgrade, name, field.postgres.url(name))
    async with AsyncExitStack() as stack:
        processes = {name: await _start(field, name, stack) for name in names}
        yield processes


async def _start(field: Ground, name: str, stack: AsyncExitStack) -> asyncio.subprocess.Process:
    port = free_port()
    environment = {
        **os.environ, **BROKER_HABITS, "PORT": str(port), "ISSUARY_ENV": "dev", "ISSUARY_KAFKA": field.broker.address,
        "ISSUARY_DATABASE_URL": field.postgres.url(name), "ISSUARY_SESSION_SECRET": "benchmark",
        "ISSUARY_SERVICE_KEY": "benchmark", "ISSUARY_VALIDATION_TEST_MODE": "1",
        "ISSUARY_VALIDATION_RESOLVERS": "127.0.0.1:1", "ISSUARY_BILLING_DEFAULT_LIMITS": "EUR:1000000000000",
    }  # fmt: skip
    log = stack.enter_context((field.directory / f"{name}.log").open("w"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", name, env=environment, cwd=ROOT, stderr=log, stdout=log
    )
    stack.push_async_callback(_stop, process)
    await _until_ready(port, name, process)
    return process


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)


async def _until_ready(port: int, name: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(READY_WITHIN):
        while not await _answers_ready(port, name):
            if process.returncode is not None:
                raise SystemExit(f"the service {name} ended by itself")
            await asyncio.sleep(0.1)


async def _answers_ready(port: int, name: str) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(f"GET /{name}/health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return b" 200 " in line


async def measure(rate: int = 200, seconds: int = 20, warm_up: int = 3) -> dict[str, Any]:
    """Latency with billing alone beside the servers, its relay and its worker; memory of all four after some orders."""
    async with ground() as field, running(field, ("billing",)):
        times = await _latencies(field.broker.address, rate, seconds + warm_up)
    async with ground() as field, running(field, SERVICES) as processes:
        await _latencies(field.broker.address, 50, 10)
        memory = {name: _resident(process.pid) for name, process in processes.items()}
    cuts = quantiles(sorted(times[rate * warm_up :]), n=100)
    return {
        "latency_ms": {"p50": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1)},
        "memory_mb": memory,
    }


def _resident(pid: int) -> int:
    """MB of the process and of its children."""
    process = psutil.Process(pid)
    size: float = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    return round(size / 2**20)


async def _latencies(kafka: str, rate: int, seconds: int) -> list[float]:
    """From handing a record to the producer to reading the fact that answers it, in the order of sending."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    consumer = AIOKafkaConsumer(SAID, bootstrap_servers=kafka, fetch_max_wait_ms=5, auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}
    total = rate * seconds
    ready = [(event.order_id, as_record(event)) for event in orders(total)]
    gc.freeze()  # what measures must not pause to look for garbage
    gc.disable()
    listening = asyncio.create_task(_listen(consumer, seen, total))
    await _send(producer, sent, rate, ready)
    async with asyncio.timeout(30):
        await listening
    await producer.stop()
    await consumer.stop()
    return [seen[number] - at for number, at in sorted(sent.items())]


async def _send(
    producer: AIOKafkaProducer, sent: dict[int, float], rate: int, ready: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    started = time.perf_counter()
    for n, (order_id, record) in enumerate(ready):
        await asyncio.sleep(max(0.0, started + n / rate - time.perf_counter()))
        sent[order_id] = time.perf_counter()
        await producer.send(**record)


async def _listen(consumer: AIOKafkaConsumer, seen: dict[int, float], total: int) -> None:
    while len(seen) < total:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            now = time.perf_counter()
            for record in records:
                body = json.loads(record.value)
                if body["type"] == "order_charged":
                    seen[body["order"]["id"]] = now
