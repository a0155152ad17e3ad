"""A record's way by setting: python -m benchmarks.sweep [SECONDS]. One billing process at 200 orders a second, started
anew with each setting on the same servers; the turn is repeated in the opposite order, so that a slow minute shows."""

import asyncio
import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from statistics import median

from benchmarks.ground import Ground, ground
from benchmarks.processes import latencies, p50_and_p99, start
from shared.devstack.child import free_port

RATE, WARM_UP = 200, 3
SETTINGS: tuple[tuple[str, str], ...] = (
    ("FETCH_MAX_WAIT_MS", "20"), ("FETCH_MAX_WAIT_MS", "100"), ("FETCH_MAX_WAIT_MS", "500"),
    ("BATCH_TIMEOUT_MS", "5"), ("BATCH_TIMEOUT_MS", "20"), ("BATCH_TIMEOUT_MS", "100"),
    ("LINGER_MS", "0"), ("LINGER_MS", "2"), ("LINGER_MS", "5"), ("LINGER_MS", "10"),
    ("COMPRESSION", "none"), ("COMPRESSION", "lz4"),
)  # fmt: skip

Turn = tuple[str, str]


async def measure(seconds: int = 10) -> dict[str, dict[str, float]]:
    found: dict[Turn, list[dict[str, float]]] = {turn: [] for turn in SETTINGS}
    numbers = itertools.count(1, RATE * (seconds + WARM_UP))
    async with ground() as field:
        for turn in (*SETTINGS, *reversed(SETTINGS)):
            found[turn].append(await _once(field, turn, seconds, numbers))
            print(turn, found[turn][-1], flush=True)
    return {"=".join(turn): _middle(figures) for turn, figures in found.items()}


def _middle(figures: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in figures), 1) for name in figures[0]}


async def _once(field: Ground, turn: Turn, seconds: int, numbers: Iterator[int]) -> dict[str, float]:
    given = {f"ISSUARY_KAFKA_{turn[0]}": turn[1]}
    async with AsyncExitStack() as stack:
        await start(field, "billing", free_port(), given, stack)
        times = await latencies(field.broker.address, RATE, seconds + WARM_UP, next(numbers))
    return p50_and_p99(times[RATE * WARM_UP :])


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*(int(n) for n in sys.argv[1:]))), indent=1))
