"""Claim → look → record. Looks are under way side by side; a slow name server delays its own look only."""

import asyncio
import logging
import time
from collections.abc import Sequence

from services.validation.actions import checks
from services.validation.actions.evidence import Claim, Look
from services.validation.clients.dns import DnsClient
from services.validation.rules.adn import authorization_domains
from services.validation.rules.dns_change import places, why_untrusted
from services.validation.rules.methods import OFFERED
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from shared.db import Database, utcnow

log = logging.getLogger(__name__)

# Answers that come within this time are recorded in one transaction.
GATHER_SECONDS = 0.02
# More questions at once than a resolver's socket holds would be lost, and asked again a second later.
BURST = 50
HOUR_SECONDS, RETRY_SECONDS = 3600.0, 30.0


class ResolverWatch:
    """Whether the resolvers validate DNSSEC, found out at start and hourly (NT8). Until they do, nothing is looked at:
    what they say would be no proof."""

    def __init__(self, client: DnsClient, signed_zone: str, broken_zone: str) -> None:
        self.client, self.signed_zone, self.broken_zone = client, signed_zone, broken_zone
        self.fault: str | None = "the resolver has not been tried yet"
        self._due = 0.0

    async def step(self) -> bool:
        if time.monotonic() < self._due:
            return False
        signed, broken = await asyncio.gather(self.client.txt(self.signed_zone), self.client.txt(self.broken_zone))
        self.fault = why_untrusted(signed, broken)
        self._due = time.monotonic() + (RETRY_SECONDS if self.fault else HOUR_SECONDS)
        if self.fault:
            log.error("the resolver is not trusted", extra={"fault": self.fault})
        return False


class Looker:
    def __init__(
        self, db: Database, client: DnsClient, policy: Policy, limit: int, watch: ResolverWatch | None = None
    ) -> None:
        self.db, self.client, self.policy, self.limit, self.watch = db, client, policy, limit, watch
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
        if free <= 0 or (self.watch and self.watch.fault):
            return
        async with self.db.transaction() as tx:
            claims = await checks.claim_due(tx, utcnow(), free)
        self._under_way |= {asyncio.create_task(self.look(claim)) for claim in claims}

    async def look(self, claim: Claim) -> Look:
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
