"""Is it alive, what does it do: lag and progress of the door, the state of the database, and the metrics made of it."""

from shared.watch.families import Families
from shared.watch.lag import STUCK_SECONDS, Lag
from shared.watch.metrics import Metrics
from shared.watch.state import State, read_state

__all__ = ["STUCK_SECONDS", "Families", "Lag", "Metrics", "State", "read_state"]
