"""Random histories that shrink: each is a list of steps, and each step draws its details from a seed of its own, so
that hypothesis may leave steps out until only what breaks the book is left. HISTORIES=500 plays many, each time others.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.conftest import World

Steps = list[tuple[str, int]]
MANY = int(os.environ.get("HISTORIES", "0"))


def steps(weights: Mapping[str, int], most: int) -> st.SearchStrategy[Steps]:
    names = [name for name, weight in weights.items() for _ in range(weight)]
    return st.lists(st.tuples(st.sampled_from(names), st.integers(0, 2**32 - 1)), min_size=most, max_size=most)


def played(few: int) -> settings:
    """The same ones in every run, unless many are asked for."""
    return settings(
        max_examples=MANY or few, derandomize=not MANY, deadline=None, print_blob=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@asynccontextmanager
async def undone(world: World) -> AsyncIterator[None]:
    """What happens inside is undone: the next history begins where this one did."""
    connection: Any = world.billing.db.bind
    inner = await connection.begin_nested()
    try:
        yield
    finally:
        await inner.rollback()
        world.billing.db._given["kept"].clear()
