"""Each service as a process of its own, as in production: record-in to record-out time at a steady rate, and memory."""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import quantiles
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.ground import Ground, as_record, ground, orders
from shared.devstack.child import free_port
from shared.devstack.chosen import BROKER_HABITS
from shared.devstack.mail import MailSink
from shared.migrate import ROOT, upgrade

SERVICES = ("orders", "billing", "validation", "notifications")
SAID = "billing.events.v1"
READY_WITHIN = 60.0


Processes = dict[str, asyncio.subprocess.Process]


@asynccontextmanager
async def running(field: Ground, names: Sequence[str], given: Mapping[str, str] = {}) -> AsyncIterator[Processes]:
    """`given`: what the environment says besides."""
    others = [name for name in names if name != "billing"]
    await field.postgres.make_databases(others)
    for name in others:
        await asyncio.to_thread(upgrade, name, field.postgres.url(name))
    async with AsyncExitStack() as stack:
        ports = {name: free_port() for name in names}
        told = {**given, "ISSUARY_NOTIFICATIONS_BILLING_URL": f"http://127.0.0.1:{ports.get('billing', 1)}"}
        processes = {name: await start(field, name, port, told, stack) for name, port in ports.items()}
        yield processes


async def start(
    field: Ground, name: str, port: int, given: Mapping[str, str], stack: AsyncExitStack
) -> asyncio.subprocess.Process:
    environment = {
        **os.environ, **BROKER_HABITS, "PORT": str(port), "ISSUARY_ENV": "dev", "ISSUARY_KAFKA": field.broker.address,
        "ISSUARY_DATABASE_URL": field.postgres.url(name), "ISSUARY_SESSION_SECRET": "benchmark",
        "ISSUARY_SERVICE_KEY": "benchmark", "ISSUARY_VALIDATION_TEST_MODE": "1",
        "ISSUARY_VALIDATION_RESOLVERS": "127.0.0.1:1", "ISSUARY_BILLING_DEFAULT_LIMITS": "EUR:1000000000000",
        **given,
    }  # fmt: skip
    log = stack.enter_context((field.directory / f"{name}-{port}.log").open("w"))
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
        times = await latencies(field.broker.address, rate, seconds + warm_up)
    async with (
        ground() as field,
        MailSink(field.directory / "mails") as mail,
        running(field, SERVICES, {"ISSUARY_NOTIFICATIONS_SMTP_PORT": mail.address.split(":")[1]}) as processes,
    ):
        await latencies(field.broker.address, 50, 10)
        memory = {name: resident(process.pid) for name, process in processes.items()}
    return {"latency_ms": p50_and_p99(times[rate * warm_up :]), "memory_mb": memory}


def p50_and_p99(times: Sequence[float]) -> dict[str, float]:
    """Milliseconds, of seconds."""
    cuts = quantiles(times, n=100)
    return {"p50": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1)}


def resident(pid: int) -> int:
    """MB of the process and of its children."""
    process = psutil.Process(pid)
    size: float = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    return round(size / 2**20)


async def latencies(kafka: str, rate: int, seconds: float, first: int = 1) -> list[float]:
    """From handing a record to the producer to reading the fact that answers it, in the order of sending. `first`: the
    order's number, for a broker that has heard of earlier ones."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    consumer = AIOKafkaConsumer(SAID, bootstrap_servers=kafka, fetch_max_wait_ms=5)
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}
    ready = [(event.order_id, as_record(event)) for event in orders(round(rate * seconds), first)]
    gc.freeze()  # what measures must not pause to look for garbage
    gc.disable()
    async with asyncio.timeout(seconds + 120), asyncio.TaskGroup() as both:
        both.create_task(_listen(consumer, seen, {number for number, _ in ready}))
        await _send(producer, sent, rate, ready)
    gc.enable()
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


async def _listen(consumer: AIOKafkaConsumer, seen: dict[int, float], expected: Set[int]) -> None:
    while len(seen) < len(expected):
        for records in (await consumer.getmany(timeout_ms=100)).values():
            now = time.perf_counter()
            for record in records:
                body = json.loads(record.value)
                if body["type"] == "order_charged" and body["order"]["id"] in expected:
                    seen[body["order"]["id"]] = now
