"""When funds count as having become low."""

from typing import NamedTuple


class Seen(NamedTuple):
    """What an account may spend at one instant; without a limit only its balance tells whether money runs out."""

    amount: int
    unlimited: bool


def fell_below(before: Seen, after: Seen, threshold: int) -> bool:
    """The crossing, not the state. An account freed of its limit has lost nothing."""
    freed = after.unlimited and not before.unlimited
    return before.amount >= threshold > after.amount and not freed
