"""One billing process, then two of one group: how much more two take, and what they wait for meanwhile.
python -m benchmarks.scaling [ORDERS]"""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import httpx
import psutil

from benchmarks.ground import Ground, ground, orders, plain, publish
from benchmarks.processes import start
from shared.devstack.child import free_port

LOOK_EVERY = 0.2
WAITS = """
SELECT coalesce(wait_event_type || ':' || wait_event, 'running'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid() AND application_name <> 'relay'
GROUP BY 1
"""


async def measure(total: int = 40_000) -> dict[str, Any]:
    found: dict[str, Any] = {"cores": psutil.cpu_count()}
    for members in (1, 2):
        async with ground() as field, AsyncExitStack() as stack:
            ports = [free_port() for _ in range(members)]
            processes = [await start(field, "billing", port, {}, stack) for port in ports]
            publishing = asyncio.create_task(publish(field.broker.address, orders(total)))
            found[f"{members}"] = await _take(field, ports, [p.pid for p in processes], total)
            await publishing
    found["times"] = round(found["2"]["per_second"] / found["1"]["per_second"], 2)
    return found


async def _take(field: Ground, ports: list[int], pids: list[int], total: int) -> dict[str, Any]:
    """From the first order charged to the last; CPU seconds of the members' own processes, without their presses."""
    waits: Counter[str] = Counter()
    began, cpu, first, done = 0.0, 0.0, 0, 0
    connection = await asyncpg.connect(plain(field.postgres.url("billing")))
    async with httpx.AsyncClient() as http:
        while done < total:
            await asyncio.sleep(LOOK_EVERY)
            done = sum([await _applied(http, port) for port in ports])
            if done and not began:
                began, cpu, first = time.monotonic(), _cpu(pids), done
            waits.update(dict(await connection.fetch(WAITS)))
    await connection.close()
    seconds = time.monotonic() - began
    return {
        "per_second": round((total - first) / seconds),
        "busy_cores_of_members": round((_cpu(pids) - cpu) / seconds, 2),
        "backends": {event: round(count / waits.total(), 2) for event, count in waits.most_common(6)},
    }


def _cpu(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


async def _applied(http: httpx.AsyncClient, port: int) -> int:
    lines = (await http.get(f"http://127.0.0.1:{port}/billing/metrics")).text.splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if _counts_applied(line))


def _counts_applied(line: str) -> bool:
    return line.startswith("issuary_events_total{") and 'outcome="applied"' in line


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*(int(n) for n in sys.argv[1:]))), indent=1))
