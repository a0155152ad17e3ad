"""Looks at the run from outside: is there work left, does anything move, and how long did nothing."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chaos.lag import Groups
from chaos.members import Members

log = logging.getLogger(__name__)

OUTBOX = "SELECT count(*) AS pending, coalesce((SELECT max(id) FROM published), 0) AS moved FROM outbox"
DOCUMENTS = """
SELECT count(*) AS pending, count(*) FILTER (WHERE due_at <= now()) AS due FROM document WHERE sha256 IS NULL
"""
MESSAGES = """
SELECT count(*) AS pending, count(*) FILTER (WHERE due_at <= now()) AS due FROM message WHERE due_at IS NOT NULL
"""
END_LEASES = "UPDATE message SET due_at = now() WHERE due_at > now() RETURNING id"
EVERY, TELL_EVERY = 2.0, 60.0


class State(NamedTuple):
    moved: tuple[int, ...]
    due: int  # work that could be done now
    leased: int  # and work that a killed or failed worker's claim still holds back


class Stalled(Exception):
    pass


@dataclass
class Watch:
    ask: Callable[[str, str], Awaitable[Sequence[Any]]]  # of a database, a statement
    groups: Groups
    members: Members
    patience: float  # seconds without any progress while work is due
    cut_leases: bool  # the clock of a mail's lease is put forward when nothing else is left to do
    every: float = EVERY
    longest: float = 0.0
    cut: int = 0
    state: State = field(default_factory=lambda: State((), 1, 0))
    _since: float = 0.0
    _unseen: str = ""
    _quiet: int = 0
    _told_at: float = field(default_factory=time.monotonic)

    async def until_idle(self, told: asyncio.Event) -> None:
        """Runs beside the storm, and ends when that is over and nothing is left to do, seen three times in a row."""
        idle, self._since = 0, time.monotonic()
        while idle < 3:
            await asyncio.sleep(self.every)
            await self.members.check()
            try:
                self._note(await self._look())
            except Exception as error:  # what it looks at is being killed
                self._unseen = f"{type(error).__name__}: {error}"
                log.warning("nothing can be seen", exc_info=error)
            self._complain()
            self._tell()
            idle = idle + 1 if told.is_set() and not self.state.due + self.state.leased else 0
            if self.cut_leases and told.is_set():
                await self._end_leases()

    def _note(self, state: State) -> None:
        now, self._unseen = time.monotonic(), ""
        if self.state.due:
            self.longest = max(self.longest, now - self._since)
        if state.moved != self.state.moved or not state.due:
            self._since = now
        self._quiet = self._quiet + 1 if state == self.state else 0
        self.state = state

    def _complain(self) -> None:
        if (quiet := time.monotonic() - self._since) > self.patience:
            seen = f"; the last look failed: {self._unseen}" if self._unseen else ""
            raise Stalled(f"nothing moved for {quiet:.0f} s although work is due: {self.state}{seen}")

    def _tell(self) -> None:
        if time.monotonic() - self._told_at > TELL_EVERY:
            print(f"          {self.state.due:,} things to do, {self.state.leased:,} claimed", flush=True)
            self._told_at = time.monotonic()

    async def _look(self) -> State:
        done, lag = await self.groups.look()
        outboxes = [(await self.ask(name, OUTBOX))[0] for name in self._services()]
        documents = (await self.ask("billing", DOCUMENTS))[0] if "billing" in self._services() else NOTHING
        mails = (await self.ask("notifications", MESSAGES))[0] if self._mails() else NOTHING
        pending = sum(box["pending"] for box in outboxes)
        moved = (done, *(box["moved"] for box in outboxes), documents["pending"], mails["pending"])
        due = lag + pending + documents["due"] + mails["due"]
        return State(moved, due, documents["pending"] + mails["pending"] - documents["due"] - mails["due"])

    def _services(self) -> Sequence[str]:
        return sorted({member.service for member in self.members.all})

    def _mails(self) -> bool:
        return "notifications" in self._services()

    async def _end_leases(self) -> None:
        """Only when nothing is due and nothing moved for some looks: then nobody is at work on them."""
        if self._mails() and self._quiet > 4 and self.state.leased and not self.state.due:
            self.cut += len(await self.ask("notifications", END_LEASES))
            self._quiet = 0


NOTHING = {"pending": 0, "due": 0}
