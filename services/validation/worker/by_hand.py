"""Looks that a person asks for and waits for: the same look, and the same record, as a worker's."""

from services.validation.actions import asking
from services.validation.actions.caa import reading
from services.validation.actions.evidence import Claim, Look
from services.validation.actions.submitting import Asking
from services.validation.queries import DomainKey
from services.validation.rules import caa
from services.validation.rules.caa import Ruling
from services.validation.rules.names import Name
from services.validation.worker.looking import Looker
from shared.db import utcnow
from shared.errors import DomainError


class NotTrusted(DomainError):
    status = 503
    code = "service_unavailable"


class ByHand:
    def __init__(self, looker: Looker) -> None:
        self.looker, self.db, self.policy = looker, looker.db, looker.policy

    async def check(self, key: DomainKey, by: str) -> Claim | None:
        """None where a worker was looking at that moment."""
        self._require_trust()
        async with self.db.transaction() as tx:
            claim = await asking.claim_by_hand(tx, Asking(self.policy, by, utcnow()), key)
        if claim:
            await self.looker.record([await self.looker.look(claim)])
        return claim

    async def dry_run(self, key: DomainKey, by: str) -> Look:
        """Seen from here and kept nowhere: never evidence (LC10)."""
        self._require_trust()
        async with self.db.transaction() as tx:
            claim = await asking.claim_for_dry_run(tx, Asking(self.policy, by, utcnow()), key)
        return await self.looker.look_from_here(claim)

    async def caa(self, key: DomainKey) -> list[tuple[Name, Ruling]]:
        """What CAA says of a name and of its wildcard now: advice, for it is looked at again before issuance (CA12)."""
        self._require_trust()
        account_id, fqdn = key
        seen = await self.looker.observer.observe(caa.job(fqdn))
        names = Name(fqdn), Name(fqdn, wildcard=True)
        return [(name, reading(self.policy, account_id, name).of(seen)) for name in names]

    def _require_trust(self) -> None:
        if fault := self.looker.fault:
            raise NotTrusted(f"Nothing can be validated at the moment: {fault}. Try again in some minutes.")
