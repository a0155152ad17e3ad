"""Domains proven by a persistent record are looked at again without anybody asking (PT13): an attempt is opened for
each whose turn it is, and all that follows is what follows for any attempt."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import join, new_token, open_attempt, usable_proof
from services.validation.models import Attempt, Domain
from services.validation.queries import lock_due_domains, lock_validations
from services.validation.rules.methods import DNS_PERSIST, OFFERED
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from services.validation.rules.proofs import Proof
from services.validation.rules.renewing import RENEWED_AFTER, is_young, next_renewal
from shared.db import lock_all

BATCH = 200
# Another attempt is open and may prove it; if it ends otherwise, its own look follows.
WHILE_PENDING = timedelta(hours=1)


def plan_renewal(domain: Domain, proof: Proof) -> None:
    """Of what was just seen. A re-check that fails to its end plans none, so that it ends the renewal (PT12)."""
    if proof.method in RENEWED_AFTER:
        domain.renew_at = next_renewal(proof.observed_at)


async def renew_due(tx: AsyncSession, policy: Policy, now: datetime) -> int:
    """How many domains were looked at; several workers share them."""
    domains = await lock_due_domains(tx, Domain.renew_at, now, BATCH)
    await lock_all(tx, Attempt, {domain.pending_id for domain in domains if domain.pending_id})
    await lock_validations(tx, policy, {domain.key for domain in domains})
    for domain in domains:
        await _renew(tx, policy, domain, now)
    return len(domains)


async def _renew(tx: AsyncSession, policy: Policy, domain: Domain, now: datetime) -> None:
    """Where its evidence is over, or the domain is proven otherwise by now, nothing is renewed any more."""
    sections = [OFFERED[DNS_PERSIST].section]
    proof = await usable_proof(tx, policy, domain.account_id, Name(domain.name), now, methods=sections)
    if proof is None or not domain.renews_at:
        domain.renew_at = None
    elif is_young(proof.observed_at, now):
        domain.renew_at = next_renewal(proof.observed_at)
    elif domain.pending_id:
        domain.renew_at = now + WHILE_PENDING
    else:
        domain.renew_at = None
        _open(tx, policy, domain, proof, now)


def _open(tx: AsyncSession, policy: Policy, domain: Domain, proof: Proof, now: datetime) -> None:
    """It is tried until the evidence dies; the one that succeeds plans the next."""
    attempt = open_attempt(tx, policy, domain, DNS_PERSIST, now, renews=True)
    join(policy, attempt, [], now)
    new_token(tx, attempt, now)
    attempt.expires_at = proof.usable_until
