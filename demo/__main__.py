"""python -m demo [--data .issuary]"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

import httpx
from aiokafka.errors import KafkaError

from demo import run
from demo.acts import ACTS
from demo.failure import Failed, must
from demo.progress import BOLD, RED, Progress
from demo.stage import Stage, opened


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--data", type=Path, default=Path(".issuary"), help="where `make run` keeps its data")
    told = parser.parse_args()
    show = Progress()
    try:
        asyncio.run(play(told.data, show))
    except (Failed, httpx.HTTPError, KafkaError, OSError) as error:
        show.say(f"\n{show.paint(RED, 'The demo did not work:')} {error or type(error).__name__}")
        return 1
    except KeyboardInterrupt:
        show.say("\nStopped.")
        return 130
    return 0


async def play(data: Path, show: Progress) -> None:
    found = run.find(data)
    async with opened(found, show) as stage:
        health = await stage.customer.get("/health/ready")
        must(health.status_code == 200, f"{found.console} is not ready: {health.text[:300]}")
        for title, act in ACTS:
            show.act(title)
            await act(stage)
        sum_up(stage)


def sum_up(stage: Stage) -> None:
    show, rows = stage.show, stage.outcomes
    took = time.monotonic() - show.began
    show.act(f"All {show.steps} steps worked, in {took:.1f} s")
    show.say(f"  {'':16}{'order':18}{'amount':>12}  {'document':20}certificate")
    for row in rows:
        show.say(f"  {row.what:16}{row.order:18}{row.amount:>12}  {row.document:20}{row.certificate[:20]}")
    show.act("Have a look")
    email, password = stage.run.passwords["administrator"]
    for what, where in (*stage.addresses, ("sign in as", f"{email}  {password}")):
        show.say(f"  {what:14}{show.paint(BOLD, where)}")


if __name__ == "__main__":
    sys.exit(main())
