"""Domains as they are shown: each with the proof that serves it, its open attempt and the names that go with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Account, Attempt, Division, Domain, Organization, Validation
from services.validation.queries.proofs import proofs
from services.validation.rules.policy import Policy
from services.validation.rules.proofs import Proof, as_proof
from services.validation.rules.standing import status_of
from shared.db import known, read_all


@dataclass(frozen=True, slots=True)
class Standing:
    """`proof` is usable at this moment; `last` is the one before where none is."""

    domain: Domain
    proof: Proof | None
    last: Proof | None
    attempt: Attempt | None
    division: Division | None
    organization: Organization | None
    account: str

    @property
    def division_name(self) -> str:
        return self.division.name if self.division else ""

    @property
    def status(self) -> str:
        return status_of(
            is_usable=self.proof is not None,
            is_pending=self.domain.pending_id is not None,
            was_proven=self.last is not None,
        )

    @property
    def revalidation_pending(self) -> bool:
        return self.proof is not None and self.domain.pending_id is not None

    @property
    def known_proof(self) -> Proof | None:
        return self.proof or self.last


async def standings(tx: AsyncSession, policy: Policy, domains: Sequence[Domain], now: datetime) -> list[Standing]:
    """A query for each kind of fact, however many domains."""
    serving = await proofs(tx, policy, domains, now)
    await read_all(tx, Attempt, {domain.pending_id for domain in domains if domain.pending_id})
    await read_all(tx, Division, {domain.division_id for domain in domains if domain.division_id})
    await read_all(tx, Organization, {domain.organization_id for domain in domains if domain.organization_id})
    await read_all(tx, Account, {domain.account_id for domain in domains})
    return [await _standing(tx, policy, domain, serving[domain.key]) for domain in domains]


async def standing(tx: AsyncSession, policy: Policy, domain: Domain, now: datetime) -> Standing:
    [found] = await standings(tx, policy, [domain], now)
    return found


async def _standing(tx: AsyncSession, policy: Policy, domain: Domain, proof: Proof | None) -> Standing:
    current = await known(tx, Validation, domain.current_key) if domain.current_key else None
    attempt = await known(tx, Attempt, domain.pending_id) if domain.pending_id else None
    division = await known(tx, Division, domain.division_id) if domain.division_id else None
    organization = await known(tx, Organization, domain.organization_id) if domain.organization_id else None
    account = await known(tx, Account, domain.account_id)
    return Standing(
        domain=domain,
        proof=proof,
        last=as_proof(current, policy) if current else None,
        attempt=attempt,
        division=division,
        # A number told with a domain may be another account's: its name is not for everybody.
        organization=organization if organization and organization.account_id == domain.account_id else None,
        account=account.name if account else str(domain.account_id),
    )
