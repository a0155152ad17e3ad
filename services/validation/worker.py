"""Claim → look → record. Looks are under way side by side; a slow name server delays its own look only."""

import asyncio
import logging
from collections.abc import Sequence

from services.validation.actions import checks
from services.validation.actions.evidence import Claim, Look
from services.validation.clients.dns import DnsClient
from services.validation.rules.adn import authorization_domains
from services.validation.rules.dns_change import places
from services.validation.rules.methods import OFFERED
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from shared.db import Database, utcnow

log = logging.getLogger(__name__)

# Answers that come within this time are recorded in one transaction.
GATHER_SECONDS = 0.02
# More questions at once than a resolver's socket holds would be lost, and asked again a second later.
BURST = 50


class Looker:
    def __init__(self, db: Database, client: DnsClient, policy: Policy, limit: int) -> None:
        self.db, self.client, self.policy, self.limit = db, client, policy, limit
        self._under_way: set[asyncio.Task[Look]] = set()

    async def step(self) -> bool:
        """Whether something was due or is under way."""
        await self._claim()
        if not self._under_way:
            return False
        done, self._under_way = await asyncio.wait(self._under_way, timeout=GATHER_SECONDS)
        if done:
            await self._record([task.result() for task in done if not _failed(task)])
        return True

    async def _claim(self) -> None:
        free = min(BURST, self.limit - len(self._under_way))
        if free <= 0:
            return
        async with self.db.transaction() as tx:
            claims = await checks.claim_due(tx, utcnow(), free)
        self._under_way |= {asyncio.create_task(self._look(claim)) for claim in claims}

    async def _look(self, claim: Claim) -> Look:
        """All allowed places at once (DN2)."""
        started_at = utcnow()
        adns = authorization_domains(Name(claim.name), OFFERED[claim.method], self.policy.suffixes)
        spots = places(adns, self.policy.labels)
        answers = await asyncio.gather(*(self.client.txt(spot.name) for spot in spots))
        return Look(claim, list(zip(spots, answers, strict=True)), started_at, utcnow())

    async def _record(self, looks: Sequence[Look]) -> None:
        async with self.db.transaction() as tx:
            await checks.record_looks(tx, self.policy, looks, utcnow())


def _failed(task: asyncio.Task[Look]) -> bool:
    """A defect of ours in one look must not take the others along; its lease runs out and it is looked at again."""
    error = task.exception()
    if error:
        log.error("a look failed", exc_info=error)
    return error is not None
