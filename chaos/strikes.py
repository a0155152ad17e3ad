"""What is killed or frozen in a run, in an order that comes from its seed."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

# Whatever is cut off after some of these, every kind has had its turn.
ROUND = (
    "billing", "broker", "mailer", "database", "freeze", "validation", "billing", "broker", "orders", "billing",
    "broker", "database", "notifications",
)  # fmt: skip
FREEZE, MAILER = "freeze", "mailer"


class Strike(NamedTuple):
    kind: str  # service, broker, database, freeze; mailer: one that has its answer and has not noted it
    target: str
    at: float
    until: float  # everybody has recovered
    expelled: bool = False  # a frozen member was given up by its group


def schedule(strikes: int, rng: Random, kinds: Sequence[str] = ROUND) -> list[str]:
    chosen = [kinds[n % len(kinds)] for n in range(strikes)]
    rng.shuffle(chosen)
    return chosen
