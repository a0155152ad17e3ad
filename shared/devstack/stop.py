import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from shared.devstack.child import Child

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_WITHIN = 9  # seconds; then the kernel ends us, and with us the embedded servers
LOOK_EVERY = 0.5
INTERRUPT_BIT = 1 << (signal.SIGINT - 1)


class Stop:
    """The wish to stop, from wherever it comes: a signal, `make` interrupted or gone, an embedded server that ended.

    While the stack still starts, a wish cancels the start; later it is noticed by who waits for it.
    """

    def __init__(self) -> None:
        self.asked, self.fault = asyncio.Event(), ""
        self._task, self._starting = asyncio.current_task(), True
        self._make: asyncio.Task[None]

    def __enter__(self) -> Self:
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self.ask)
        self._make = asyncio.create_task(self._watch_make())
        return self

    def __exit__(self, *_: object) -> None:
        signal.alarm(0)
        self._make.cancel()

    def ask(self, fault: str = "") -> None:
        again = self.asked.is_set()
        self.asked.set()
        self.fault = self.fault or fault
        if not again:
            signal.alarm(STOP_WITHIN)
        if (self._starting or again) and self._task:
            self._task.cancel()

    def started(self) -> None:
        self._starting = False

    @contextmanager
    def when_ended(self, *children: Child) -> Iterator[None]:
        """Until it is left: from then on the children are stopped on purpose."""
        watches = [asyncio.create_task(self._watch(child)) for child in children]
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()

    async def _watch(self, child: Child) -> None:
        sentence = await child.ended()
        if not self.asked.is_set():
            self.ask(sentence)

    async def _watch_make(self) -> None:
        """GNU make hands TERM on to us, but not an INT sent to it alone: then it restores the default and waits."""
        parent = os.getppid()
        if not _is_make(parent) or not _catches_interrupts(parent):
            return
        while os.getppid() == parent and _catches_interrupts(parent):  # noqa: ASYNC110 - nobody tells, one must look
            await asyncio.sleep(LOOK_EVERY)
        if not self.asked.is_set():
            self.ask()


def _is_make(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() in ("make", "gmake")
    except OSError:
        return False


def _catches_interrupts(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) & INTERRUPT_BIT)
