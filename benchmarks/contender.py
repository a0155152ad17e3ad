"""One contender in a process of its own: python -m benchmarks.contender NAME URL KAFKA GROUP TOTAL → a line of JSON."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import uvloop

from benchmarks import floor, naive
from benchmarks.progress import Progress
from services.billing.app import build
from services.billing.consumers import door
from services.billing.settings import Settings
from shared.devstack.chosen import BROKER_HABITS
from shared.host import collect_less_often


async def issuary(url: str, kafka: str, group: str, progress: Progress) -> None:
    """The shipped door under its subscriber; relay and worker rest, as they do for the other two."""
    door.name = group
    service = build(Settings.from_environment({**BROKER_HABITS, "ISSUARY_DATABASE_URL": url, "ISSUARY_KAFKA": kafka}))
    work, stats = service.door._chunk, service.door.stats

    async def counted(records: Sequence[Any]) -> bool:
        progress.begin()
        before = stats.applied
        committed = await work(records)
        progress.count(stats.applied - before)
        return committed

    service.door._chunk = counted  # type: ignore[method-assign]
    await service.broker.start()
    await progress.finished.wait()
    service.door.stopping = True
    await service.broker.stop()


CONTENDERS = {"issuary": issuary, "naive": naive.consume, "floor": floor.consume}


async def main(name: str, url: str, kafka: str, group: str, total: int) -> None:
    collect_less_often()  # as the host does; for all three
    progress = Progress(total)
    await CONTENDERS[name](url, kafka, group, progress)
    cpu = progress.cpu / progress.done * 1e6
    print(json.dumps({"per_second": progress.per_second, "cpu_us": cpu, "events": progress.done}), flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given[0], given[1], given[2], given[3], int(given[4])))
