"""Until what others do has come about: other tasks, other processes."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

from shared.host import Host
from shared.service import Service


async def until(true: Callable[[], Any], within: float, what: str) -> float:
    """How long it took; `true` may have to be awaited."""
    began = time.monotonic()
    while True:
        found = true()
        if await found if inspect.isawaitable(found) else found:
            return time.monotonic() - began
        if time.monotonic() - began > within:
            raise AssertionError(f"not within {within} s: {what}")
        await asyncio.sleep(0.05)


def wait_for(true: Callable[[], bool], otherwise: Callable[[], str], within: float = 20, pause: float = 0.02) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(pause)


async def refusal_of(service: Service, within: float = 120) -> str:
    """Why its host gave it up."""
    host, failed = Host([service]), asyncio.Event()
    host.at_failure = failed.set
    async with host.running():
        await asyncio.wait_for(failed.wait(), within)
    return str(host.failure)
