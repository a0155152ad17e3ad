"""One run: the plan is said while things are killed; when nothing is left to do, what is there is compared with it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chaos.checks import Fault, check
from chaos.found import Found
from chaos.killer import Killer
from chaos.lag import Groups
from chaos.plan import Plan, Size
from chaos.publisher import Publisher
from chaos.stage import PARTITIONS, SERVICES, Stage, stage
from chaos.state import SPEAKERS, read_state
from chaos.strikes import ROUND, Strike, schedule
from chaos.traffic import Record
from chaos.watch import Stalled, Watch
from chaos.wire import count_records, read_wire
from shared.devstack.child import ChildEnded
from shared.events.orders import TOPIC

OFFSETS_FIRST = {"billing": "chaos.offsets_first"}


@dataclass(frozen=True)
class Wish:
    size: Size
    seed: int
    rate: float  # events a second, as long as the killer keeps up
    strikes: int
    poll_interval: float
    cool_down: float  # seconds after everybody has recovered from a strike
    patience: float  # seconds without progress that fail the run
    out: Path
    cut_leases: bool = False
    control: bool = False

    @property
    def kinds(self) -> Sequence[str]:
        return ("billing",) if self.control else ROUND

    @property
    def services(self) -> dict[str, int]:
        return {"billing": 2} if self.control else SERVICES


@dataclass
class Outcome:
    wish: Wish
    plan: Plan
    found: Found = field(default_factory=Found)
    strikes: list[Strike] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    records: int = 0  # on the topic of the orders
    longest_stall: float = 0.0
    leases_cut: int = 0


async def play(wish: Wish) -> Outcome:
    outcome = Outcome(wish, Plan.make(wish.size, wish.seed))
    modules = OFFSETS_FIRST if wish.control else {}
    started = time.monotonic()
    async with stage(wish.out / "logs", wish.services, modules, wish.poll_interval) as ground:
        _lap(outcome, "start", started)
        await _until_over(ground, outcome)
        compared = time.monotonic()
        await _read(ground, outcome)
        outcome.faults += check(outcome.plan, outcome.found, outcome.strikes)
        _lap(outcome, "check", compared)
    return outcome


def _lap(outcome: Outcome, name: str, since: float) -> None:
    outcome.seconds[name] = round(time.monotonic() - since, 1)


async def _until_over(ground: Stage, outcome: Outcome) -> None:
    wish, told = outcome.wish, asyncio.Event()
    groups = Groups(ground.cluster.address, wish.services, PARTITIONS)
    watch = Watch(ground.database.ask, groups, ground.members, wish.patience, wish.cut_leases)
    started = time.monotonic()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_storm(ground, outcome, told))
            tasks.create_task(watch.until_idle(told))
    except* Exception as failed:
        outcome.faults += [_broken_off(one) for one in _leaves(failed)]
    finally:
        await groups.close()
    _lap(outcome, "all", started)
    outcome.longest_stall, outcome.leases_cut = round(watch.longest, 1), watch.cut


def _leaves(failed: BaseException) -> list[BaseException]:
    if isinstance(failed, BaseExceptionGroup):
        return [leaf for one in failed.exceptions for leaf in _leaves(one)]
    return [failed]


def _broken_off(error: BaseException) -> Fault:
    if isinstance(error, Stalled):
        return Fault("stalled", str(error), 1, ())
    if isinstance(error, ChildEnded):
        return Fault("ended", "a service ended by itself", 1, [str(error)])
    return Fault("broken off", "the run could not go on", 1, [f"{type(error).__name__}: {error}"])


async def _storm(ground: Stage, outcome: Outcome, told: asyncio.Event) -> None:
    """As many slices as strikes; each strike falls somewhere into its slice."""
    wish, rng, started = outcome.wish, Random(outcome.wish.seed), time.monotonic()
    killer = Killer(ground.cluster, ground.database, ground.members, ground.sink, rng, wish.poll_interval)
    async with Publisher(ground.cluster.address, wish.rate) as publisher:
        await publisher.say(outcome.plan.opened)
        for what, records in zip(schedule(wish.strikes, rng, wish.kinds), _slices(outcome), strict=True):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(publisher.say(records))
                await asyncio.sleep(rng.uniform(0.1, 0.9) * len(records) / wish.rate)
                outcome.strikes.append(await killer.strike(what))
                print(f"  {time.monotonic() - started:6.0f} s  {_told(outcome.strikes[-1])}", flush=True)
                await asyncio.sleep(wish.cool_down)
    _lap(outcome, "said", started)
    told.set()


def _slices(outcome: Outcome) -> list[list[Record]]:
    said, count = outcome.plan.said, outcome.wish.strikes
    return [said[len(said) * n // count : len(said) * (n + 1) // count] for n in range(count)]


def _told(strike: Strike) -> str:
    how = "frozen" if strike.kind == "freeze" else "killed"
    return f"{strike.target} {how}, all are well {strike.until - strike.at:.0f} s later"


async def _read(ground: Stage, outcome: Outcome) -> None:
    outcome.found = await read_state(ground.database, outcome.wish.services, ground.sink.mails)
    for topic, name in SPEAKERS.items():
        if name in outcome.wish.services:
            outcome.found.wire[topic] = await read_wire(ground.cluster.address, topic)
    outcome.records = await count_records(ground.cluster.address, TOPIC)
