"""How long records wait while the members of a group change: python -m benchmarks.rebalance. Two billing processes at a
steady rate; one joins, one ends by TERM, one is killed, for each session time-out. The figure is the longest way of a
record, in seconds."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack

from benchmarks.ground import Ground, ground
from benchmarks.processes import latencies, start
from shared.devstack.child import free_port

RATE, SECONDS, CHANGE_AFTER = 50, 20, 3.0
TIMEOUTS = ({"SESSION_TIMEOUT_MS": "6000", "HEARTBEAT_INTERVAL_MS": "1000"},
            {"SESSION_TIMEOUT_MS": "10000", "HEARTBEAT_INTERVAL_MS": "3000"},
            {"SESSION_TIMEOUT_MS": "10000", "HEARTBEAT_INTERVAL_MS": "1000"},
            {"SESSION_TIMEOUT_MS": "30000", "HEARTBEAT_INTERVAL_MS": "3000"})  # fmt: skip

Change = Callable[[], Awaitable[object]]


async def measure() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    numbers = itertools.count(1, RATE * 60)
    async with ground() as field:
        for timeouts in TIMEOUTS:
            given = {f"ISSUARY_KAFKA_{name}": value for name, value in timeouts.items()}
            found.append({**timeouts, **await _changes(field, given, numbers)})
            print(found[-1], flush=True)
    return found


async def _changes(field: Ground, given: Mapping[str, str], numbers: Iterator[int]) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        first = await start(field, "billing", free_port(), given, stack)
        joined = await _longest(field, numbers, lambda: start(field, "billing", free_port(), given, stack))
        ended = await _longest(field, numbers, _ending(first))
        killed = await start(field, "billing", free_port(), given, stack)
        await asyncio.sleep(5)
        died = await _longest(field, numbers, _killing(killed))
    return {"joins": joined, "ends_by_term": ended, "is_killed": died}


def _ending(process: asyncio.subprocess.Process) -> Change:
    async def end() -> None:
        process.terminate()

    return end


def _killing(process: asyncio.subprocess.Process) -> Change:
    async def kill() -> None:
        process.kill()

    return kill


async def _longest(field: Ground, numbers: Iterator[int], change: Change) -> float:
    travelling = asyncio.create_task(latencies(field.broker.address, RATE, SECONDS, next(numbers)))
    await asyncio.sleep(CHANGE_AFTER)
    await change()
    return round(max(await travelling), 1)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=1))
