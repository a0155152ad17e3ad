"""Proof of control: looked at from here first, and only if it is there by the other perspectives (MP1)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from services.validation.actions import checks
from services.validation.actions.evidence import Claim, Look
from services.validation.clients.observing import Observer
from services.validation.clients.panel import Panel
from services.validation.clients.watch import ResolverWatch
from services.validation.rules import caa
from services.validation.rules.corroboration import Report, judge_for, same_proof
from services.validation.rules.jobs import job_for
from services.validation.rules.judging import judge
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import METHODS
from services.validation.rules.names import Name
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.policy import Policy
from shared.db import Database, utcnow

log = logging.getLogger(__name__)

# Answers that come within this time are recorded in one transaction.
GATHER_SECONDS = 0.02
# More questions at once than a resolver's socket holds would be lost, and asked again a second later.
BURST = 50


class Looker:
    def __init__(
        self,
        db: Database,
        observer: Observer,
        policy: Policy,
        limit: int,
        watch: ResolverWatch | None = None,
        panel: Panel | None = None,
    ) -> None:
        """Without a panel, as in test mode, what is seen from here is enough."""
        self.db, self.observer, self.policy, self.limit = db, observer, policy, limit
        self.watch, self.panel = watch, panel
        self._under_way: set[asyncio.Task[Look]] = set()

    async def step(self) -> bool:
        """Whether something was due or is under way."""
        await self._claim()
        if not self._under_way:
            return False
        done, self._under_way = await asyncio.wait(self._under_way, timeout=GATHER_SECONDS)
        if done:
            await self.record([task.result() for task in done if not _failed(task)])
        return True

    @property
    def fault(self) -> str | None:
        """Neither may we look where DNSSEC is not validated, nor with fewer perspectives than are needed (NT8, MP4)."""
        return (self.watch and self.watch.fault) or (self.panel and self.panel.fault) or None

    async def _claim(self) -> None:
        free = min(BURST, self.limit - len(self._under_way))
        if free <= 0 or self.fault:
            return
        async with self.db.transaction() as tx:
            claims = await checks.claim_due(tx, utcnow(), free)
        self._under_way |= {asyncio.create_task(self.look(claim)) for claim in claims}

    async def look(self, claim: Claim) -> Look:
        look = await self.look_from_here(claim)
        seen_here = judge(look.job, look.primary, claim.tokens, utcnow())
        if seen_here.outcome is not Outcome.PASS:
            return look
        reports, advice = await asyncio.gather(self._ask(look, seen_here), self._advice(claim))
        return replace(look, reports=reports, caa=advice)

    async def look_from_here(self, claim: Claim) -> Look:
        contact = claim.confirmed.contact if claim.confirmed else None
        job = job_for(claim.method, Name(claim.name, claim.wildcard), self.policy, claim.account_id, contact)
        return Look(claim, job, await self.observer.observe(job))

    async def _ask(self, look: Look, seen_here: Verdict) -> tuple[Report, ...] | None:
        if self.panel is None or not needs_others(look.job):
            return None
        tokens, now = look.claim.tokens, utcnow()

        def agrees(seen: Observation) -> bool:
            return same_proof(seen_here, judge_for(look.job, seen, seen_here, tokens, now))

        return tuple(await self.panel.ask(look.job, look.claim.account_id, agrees))

    async def _advice(self, claim: Claim) -> Observation:
        """CAA decides at issuance only; who proves a name is told now what it would say (CA12)."""
        return await self.observer.observe(caa.job(claim.name))

    async def record(self, looks: Sequence[Look]) -> None:
        async with self.db.transaction() as tx:
            await checks.record_looks(tx, self.policy, looks, utcnow())


def needs_others(job: Job) -> bool:
    """What a constructed address confirmed is nothing that others could see (EM8)."""
    return job.contact is None or METHODS[job.contact.section].corroborated


def _failed(task: asyncio.Task[Look]) -> bool:
    """A defect of ours in one look must not take the others along; its lease runs out and it is looked at again."""
    error = task.exception()
    if error:
        log.error("a look failed", exc_info=error)
    return error is not None
