import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class Progress:
    """The clock runs from the first record in hand to the commit of the last one: a group join is not counted."""

    total: int
    done: int = 0
    started: float = 0.0
    ended: float = 0.0
    cpu: float = 0.0
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        if not self.started:
            self.started, self.cpu = time.perf_counter(), time.process_time()

    def count(self, events: int) -> None:
        self.done += events
        if self.done >= self.total and not self.finished.is_set():
            self.ended, self.cpu = time.perf_counter(), time.process_time() - self.cpu
            self.finished.set()

    @property
    def per_second(self) -> float:
        return self.done / (self.ended - self.started)
