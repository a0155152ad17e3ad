"""The run's watch names what it saw last, and what it could not see."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from chaos.lag import Groups, counted
from chaos.members import Members
from chaos.watch import Stalled, Watch
from shared.devstack.child import free_port

ONE, TWO = (TopicPartition("orders.events.v1", number) for number in (1, 2))


class Told(Groups):
    """What a broker would tell, look after look; the last for good."""

    def __init__(self, *looks: tuple[int, int] | Exception) -> None:
        self._looks: Iterator[tuple[int, int] | Exception] = iter(looks)
        self._last = looks[-1]

    async def look(self) -> tuple[int, int]:
        told = next(self._looks, self._last)
        if isinstance(told, Exception):
            raise told
        return told


async def no_database(name: str, statement: str) -> Sequence[Any]:
    raise AssertionError(f"no service runs, but {name} is asked {statement}")


def a_watch(groups: Groups, folder: Path, patience: float = 0.3) -> Watch:
    return Watch(no_database, groups, Members({}, folder, {}), patience, cut_leases=False, every=0.02)


async def test_a_look_that_fails_is_named_when_nothing_moves(tmp_path: Path) -> None:
    groups = Groups(f"127.0.0.1:{free_port()}", {"billing": 2}, 12)

    with pytest.raises(Stalled, match=r"although work is due: .*; the last look failed: KafkaConnectionError: "):
        await a_watch(groups, tmp_path).until_idle(asyncio.Event())


async def test_a_look_that_failed_before_others_worked_is_not_named(tmp_path: Path) -> None:
    groups = Told(OSError("away"), (7, 3))

    with pytest.raises(Stalled, match=r"although work is due: State\(moved=\(7, 0, 0\), due=3, leased=0\)$"):
        await a_watch(groups, tmp_path).until_idle(asyncio.Event())


async def test_a_broker_that_is_away_for_a_while_ends_no_run(tmp_path: Path) -> None:
    told = asyncio.Event()
    told.set()
    watch = a_watch(Told((7, 3), OSError("away"), OSError("away"), (10, 0)), tmp_path, patience=5)

    await asyncio.wait_for(watch.until_idle(told), 5)

    assert watch.state.moved == (10, 0, 0)


def test_a_group_is_never_less_than_nothing_behind() -> None:
    assert counted({ONE: 10, TWO: 8}, [{ONE: 7, TWO: -1}]) == (7, 11)
    assert counted({ONE: 10, TWO: 8}, [{ONE: 10, TWO: 24}]) == (34, 0)
    assert counted({ONE: 10, TWO: 8}, [{ONE: 10}, {TWO: 24}, {ONE: 4}]) == (38, 6)
