"""Issuing and revoking by an ACME CA: claim, do, record; each step at the CA is gone on with after a crash."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from services.orders import actions
from services.orders.actions import Following, Revoking, Signing
from services.orders.clients.problems import AcmeNotYet, AcmeOver, AcmeRefused
from services.orders.rules.csr import holds
from services.orders.rules.issuers import ACME
from shared.db import Database, utcnow
from shared.errors import DomainError

if TYPE_CHECKING:
    from services.orders.clients.acme_ca import AcmeCa


@dataclass
class AcmeWorker:
    db: Database
    ca: "AcmeCa"

    async def issue_next(self) -> bool:
        async with self.db.transaction() as tx:
            signing = await actions.claim_signing(tx, utcnow(), ACME)
            url = await actions.acme_order_of(tx, signing) if signing else None
        if signing is None:
            return False
        try:
            await self._issue(signing, url)
        except AcmeNotYet:
            await self._rest(signing)
        except AcmeRefused as error:
            await self._fail(signing, str(error), is_over=isinstance(error, AcmeOver))
        except DomainError as error:
            await self._fail(signing, f"what the CA made cannot be used: {error}", is_over=False)
        return True

    async def _issue(self, signing: Signing, url: str | None) -> None:
        check_names(signing)
        url = url or await self._order(signing)
        await self.ca.prove(url)
        async with self.db.transaction() as tx:
            permitted = await actions.begin_finalizing(tx, signing, utcnow())
        if permitted:
            await self._fetch(signing, url, signing.wanted.csr)

    async def _order(self, signing: Signing) -> str:
        url = await self.ca.order(signing.wanted.names)
        async with self.db.transaction() as tx:
            await actions.keep_acme_order(tx, signing, url, utcnow())
        return url

    async def _fetch(self, of: Signing | Following, url: str, csr: str) -> None:
        pem, chain = await self.ca.finalize(url, csr)
        async with self.db.transaction() as tx:
            await actions.record_acme(tx, of, pem, chain, utcnow())

    async def _rest(self, signing: Signing) -> None:
        async with self.db.transaction() as tx:
            await actions.rest_signing(tx, signing, utcnow())

    async def _fail(self, signing: Signing, why: str, *, is_over: bool) -> None:
        async with self.db.transaction() as tx:
            if is_over:
                await actions.forget_acme_order(tx, signing)
            await actions.record_failure(tx, signing, why, utcnow())

    async def follow_next(self) -> bool:
        """A certificate that the CA was asked to sign, and that nobody fetched: the process died, or the request was
        canceled meanwhile."""
        async with self.db.transaction() as tx:
            following = await actions.claim_following(tx, utcnow())
        if following is None:
            return False
        try:
            await self._follow(following)
        except (AcmeNotYet, DomainError):
            await self._follow_later(following, utcnow())
        except AcmeRefused as error:
            await self._give_up_or_wait(following, error)
        return True

    async def _follow(self, following: Following) -> None:
        """What was never finalized at the CA is not finalized here: that takes a permission of now."""
        if await self.ca.is_finalized(following.url):
            await self._fetch(following, following.url, following.csr)
        else:
            async with self.db.transaction() as tx:
                await actions.forget_acme_order(tx, following)

    async def _give_up_or_wait(self, following: Following, error: AcmeRefused) -> None:
        if not isinstance(error, AcmeOver):
            return await self._follow_later(following, utcnow())
        async with self.db.transaction() as tx:
            await actions.forget_acme_order(tx, following)
        return None

    async def _follow_later(self, following: Following, now: datetime) -> None:
        async with self.db.transaction() as tx:
            await actions.follow_later(tx, following, now)

    async def revoke_next(self) -> bool:
        async with self.db.transaction() as tx:
            revoking = await actions.claim_revocation(tx, [ACME], utcnow())
        if revoking is None:
            return False
        await self._revoke(revoking)
        return True

    async def _revoke(self, revoking: Revoking) -> None:
        why = await self._refusal(revoking)
        async with self.db.transaction() as tx:
            if why:
                await actions.record_not_revoked(tx, revoking, why, utcnow())
            else:
                await actions.record_revoked(tx, revoking, utcnow())

    async def _refusal(self, revoking: Revoking) -> str | None:
        try:
            await self.ca.revoke(revoking.pem, revoking.reason)
        except (AcmeRefused, AcmeNotYet) as error:
            return str(error) or "the CA did not answer in time"
        return None


def check_names(signing: Signing) -> None:
    """Once more, for the product may have had another issuer when it was ordered."""
    if not holds(signing.wanted.csr, signing.wanted.names):
        raise AcmeRefused(
            "this CA takes only a CSR that holds exactly the names of the request as subject alternative names; make "
            "a CSR with them and reissue, or cancel"
        )
