"""The gate before issuance: CAA of every name, by all perspectives, while an order waits for the answer."""

import asyncio
import logging
from collections.abc import Sequence

from services.validation.actions.caa import CaaLook, reading
from services.validation.actions.questions import Asked, Checked, answer_questions, claim_questions
from services.validation.clients.observing import Observer
from services.validation.clients.panel import Panel
from services.validation.clients.watch import ResolverWatch
from services.validation.rules import caa
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from shared.db import Database, utcnow
from shared.ids import new_id

log = logging.getLogger(__name__)

# Answers that come within this time are given in one transaction.
GATHER_SECONDS = 0.02
BURST = 50
# A question may be about 250 names; many at once would overrun the resolver's socket, and be asked again.
NAMES_AT_ONCE = 50


class Gate:
    def __init__(
        self,
        db: Database,
        observer: Observer,
        policy: Policy,
        watch: ResolverWatch | None = None,
        panel: Panel | None = None,
    ) -> None:
        self.db, self.observer, self.policy, self.watch, self.panel = db, observer, policy, watch, panel
        self._under_way: set[asyncio.Task[Checked]] = set()
        self._free = asyncio.Semaphore(NAMES_AT_ONCE)

    async def step(self) -> bool:
        """Whether something was asked or is under way."""
        await self._claim()
        if not self._under_way:
            return False
        done, self._under_way = await asyncio.wait(self._under_way, timeout=GATHER_SECONDS)
        if checked := [task.result() for task in done if not _failed(task)]:
            async with self.db.transaction() as tx:
                await answer_questions(tx, self.policy, checked, utcnow())
        return True

    async def _claim(self) -> None:
        free = BURST - len(self._under_way)
        if free <= 0 or (self.watch and self.watch.fault):
            return
        async with self.db.transaction() as tx:
            asked = await claim_questions(tx, self.policy, utcnow(), free)
        self._under_way |= {asyncio.create_task(self.check(one)) for one in asked}

    async def check(self, asked: Asked) -> Checked:
        """Each name of the SAN on its own, whatever ADN proved it (CA1)."""
        if fault := self.panel and self.panel.fault:
            return Checked(asked, fault=fault)
        looks: Sequence[CaaLook] = await asyncio.gather(*(self._look(asked.account_id, name) for name in asked.missing))
        return Checked(asked, looks)

    async def _look(self, account_id: int, name: Name) -> CaaLook:
        async with self._free:
            job = caa.job(name.fqdn)
            primary = await self.observer.observe(job)
            read = reading(self.policy, account_id, name)
            ruling = read.of(primary)
            asks = self.panel is not None and bool(ruling.permits)  # a primary that fails is never outvoted (MP1)
            told = await self.panel.ask(job, account_id, read.agrees_with(ruling)) if self.panel and asks else None
            return CaaLook(new_id(), account_id, name, primary, None if told is None else tuple(told))


def _failed(task: asyncio.Task[Checked]) -> bool:
    """A defect of ours in one question must not take the others along; its lease runs out and it is asked again."""
    error = task.exception()
    if error:
        log.error("a question could not be looked at", exc_info=error)
    return error is not None
