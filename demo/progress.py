"""One line a step: what is being done, then ✓ and how long it took."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

WIDTH = 100
GREEN, RED, DIM, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m"


@dataclass
class Line:
    """`text` may be changed while the step runs, to say what came of it."""

    text: str


@dataclass
class Progress:
    live: bool = field(default_factory=sys.stdout.isatty)
    steps: int = 0
    began: float = field(default_factory=time.monotonic)

    def act(self, title: str) -> None:
        self.say(f"\n{self.paint(BOLD, title)}")

    @asynccontextmanager
    async def step(self, text: str) -> AsyncIterator[Line]:
        line, began = Line(text), time.monotonic()
        ticking = asyncio.create_task(self._tick(line, began)) if self.live else None
        try:
            yield line
        except BaseException:
            self._close(ticking, RED, "✗", line, began)
            raise
        self._close(ticking, GREEN, "✓", line, began)
        self.steps += 1

    def _close(self, ticking: "asyncio.Task[None] | None", colour: str, sign: str, line: Line, began: float) -> None:
        if ticking:
            ticking.cancel()
        took = self.paint(DIM, f"{time.monotonic() - began:6.2f} s")
        self.say(f"{self._start_of_line}  {self.paint(colour, sign)} {line.text:<{WIDTH}} {took}")

    async def _tick(self, line: Line, began: float) -> None:
        with suppress(asyncio.CancelledError):
            while True:
                took = self.paint(DIM, f"{time.monotonic() - began:6.1f} s")
                sys.stdout.write(f"{self._start_of_line}  · {line.text:<{WIDTH}} {took}")
                sys.stdout.flush()
                await asyncio.sleep(0.1)

    @property
    def _start_of_line(self) -> str:
        return "\r\033[K" if self.live else ""

    def paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self.live else text

    @staticmethod
    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
