"""Order events through billing per second: Issuary, the naive service and the floor, taking turns in one run."""

import asyncio
import json
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.ground import Ground, ground, orders, publish
from shared.asyncapi import all_events
from shared.devstack.chosen import new_broker
from shared.migrate import ROOT

NAMES = ("issuary", "naive", "floor")


async def run_contender(field: Ground, name: str, turn: int, total: int) -> dict[str, float]:
    url = await field.copy(f"{name}_{turn}")
    return await _contend(name, url, field.broker.address, f"{name}-{turn}", total)


async def _contend(name: str, url: str, kafka: str, group: str, total: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.contender", name, url, kafka, group, str(total)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    answer, _ = await asyncio.wait_for(process.communicate(), 900)
    if process.returncode:
        raise SystemExit(f"the contender {name} failed")
    found: dict[str, float] = json.loads(answer.splitlines()[-1])
    return found


async def run_alone(url: str, first: int, total: int = 20_000) -> int:
    """Issuary per second over a database that there is: orders from number `first` on."""
    with TemporaryDirectory() as directory:
        async with new_broker(Path(directory) / "broker.log") as broker:
            await broker.make_topics(sorted({event.topic for event in all_events()}))
            await publish(broker.address, orders(total, first))
            return round((await _contend("issuary", url, broker.address, "alone", total))["per_second"])


async def measure(turns: int = 3, batch_events: int = 20_000, naive_events: int = 1_500) -> dict[str, Any]:
    """Medians over the turns; a ratio is the median of the turns' ratios, so that a slow minute hits all three."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    async with ground() as field:
        await publish(field.broker.address, orders(batch_events))
        for turn in range(turns):
            for name in NAMES if turn % 2 == 0 else reversed(NAMES):
                total = naive_events if name == "naive" else batch_events
                found[name].append(await run_contender(field, name, turn, total))
    rates = {name: [one["per_second"] for one in found[name]] for name in NAMES}
    return {
        "order_events_per_s": {name: round(median(rates[name])) for name in NAMES},
        "cpu_us_per_event": {name: round(median(one["cpu_us"] for one in found[name])) for name in NAMES},
        "times_naive": round(median(a / b for a, b in zip(rates["issuary"], rates["naive"], strict=True)), 1),
        "share_of_floor": round(median(a / b for a, b in zip(rates["issuary"], rates["floor"], strict=True)), 2),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*(int(n) for n in sys.argv[1:]))), indent=1))
