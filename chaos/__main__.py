"""`make chaos`: the big failure run on Apache Kafka and PostgreSQL in containers; see chaos/README.md."""

import argparse
import asyncio
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from chaos.plan import Size
from chaos.report import write
from chaos.run import Wish, play
from shared.devstack.engine import NoEngine, check_engine
from shared.migrate import ROOT


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    wish = _wish(given)
    try:
        check_engine()
    except NoEngine as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Chaos: {wish.size.events:,} order events, {wish.strikes} strikes, seed {wish.seed} …", flush=True)
    shutil.rmtree(wish.out / "logs", ignore_errors=True)  # of an earlier run
    wish.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=wish.out / "harness.log", filemode="w", format="%(asctime)s %(message)s")
    outcome = asyncio.run(play(wish))
    print(f"\n{write(outcome, wish.out)}\nAlso in {wish.out / 'report.json'}; logs in {wish.out / 'logs'}.")
    return int(bool(outcome.faults))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--strikes", type=int, default=26, help="kills and freezes")
    parser.add_argument("--rate", type=float, default=100.0, help="events a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--poll-interval", type=float, default=10.0, help="of all members, in seconds")
    parser.add_argument("--cool-down", type=float, default=8.0, help="seconds between recovery and the next strike")
    parser.add_argument("--patience", type=float, default=180.0, help="seconds without progress that fail the run")
    parser.add_argument("--cut-leases", action="store_true", help="do not wait for the leases of killed mailers to end")
    parser.add_argument("--control", action="store_true", help="offsets before transactions: the run must fail")
    parser.add_argument("--out", type=Path, default=ROOT / ".issuary" / "chaos")
    return parser


def _wish(given: argparse.Namespace) -> Wish:
    events = given.events
    size = Size(events=events, repeats=max(events // 100, 1), poison=0 if given.control else max(events // 500, 14))
    return Wish(
        size, given.seed, given.rate, given.strikes, given.poll_interval, given.cool_down,
        given.patience, given.out, given.cut_leases, given.control,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
