import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 30.0


class Failed(Exception):
    """A step did not work; the text says what was expected and what came instead."""


def must(fact: object, sentence: str) -> None:
    if not fact:
        raise Failed(sentence)


async def until(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = PATIENCE) -> T:
    """The first answer of `look` that is not None."""
    began = time.monotonic()
    while (found := await look()) is None:
        if time.monotonic() - began > seconds:
            raise Failed(f"{what} did not happen within {seconds:.0f} s.")
        await asyncio.sleep(0.05)
    return found
