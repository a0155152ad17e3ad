"""Whose validation ends soon, or has ended: said once each, from a plan that survives restarts (LC8)."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Domain, Validation
from services.validation.queries import lock_due_domains, lock_validations, validation_keys
from services.validation.queries.proofs import ValidationKey
from services.validation.rules.choosing import wire_name
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from services.validation.rules.proofs import Proof, as_proof, longest
from services.validation.rules.reminders import next_reminder, over, reminder
from shared.db import locked_or_none
from shared.events.validation import DomainValidationExpired, DomainValidationExpiring
from shared.outbox import announce

BATCH = 200


def rest_on(policy: Policy, domain: Domain, proof: Proof, now: datetime) -> None:
    """From now on the domain is shown with this proof, and reminders are of it."""
    domain.rest_on(proof, next_reminder(proof, now))


async def remind_of_expiry(tx: AsyncSession, policy: Policy, now: datetime) -> int:
    """How many domains were looked at; several workers share them."""
    domains = await lock_due_domains(tx, Domain.remind_at, now, BATCH)
    await lock_validations(tx, policy, {domain.key for domain in domains})
    for domain in domains:
        await _remind(tx, policy, domain, now)
    return len(domains)


async def _remind(tx: AsyncSession, policy: Policy, domain: Domain, now: datetime) -> None:
    """Another validation may serve it by now: then that one counts, and nothing ended."""
    rows = await _rows(tx, policy, domain)
    serving = longest(rows.values(), policy, now)
    proof = serving or _last(rows, policy, domain)
    if proof is None:
        domain.plan(None)
        return
    told = domain.reminded_days if domain.reminded_of == proof.evidence_id else None
    due = reminder(serving, told, now) if serving else over(told)
    domain.plan(due.next_at, proof, due.days)
    if due.days is not None and domain.is_active:
        announce(tx, _expiring(domain, proof, due.days, now) if due.days else _expired(domain, proof, now))


async def _rows(tx: AsyncSession, policy: Policy, domain: Domain) -> dict[ValidationKey, Validation]:
    keys = [*validation_keys(policy, domain.account_id, Name(domain.name)), domain.current_key]
    found = {key: await locked_or_none(tx, Validation, key) for key in keys if key}
    return {key: row for key, row in found.items() if row and row.serves(Name(domain.name))}


def _last(rows: dict[ValidationKey, Validation], policy: Policy, domain: Domain) -> Proof | None:
    current = rows.get(domain.current_key) if domain.current_key else None
    return as_proof(current, policy) if current and not current.withdrawn_at else None


def _expiring(domain: Domain, proof: Proof, days: int, now: datetime) -> DomainValidationExpiring:
    return DomainValidationExpiring.model_validate({**_said(domain, proof, now), "days": days})


def _expired(domain: Domain, proof: Proof, now: datetime) -> DomainValidationExpired:
    return DomainValidationExpired.model_validate(_said(domain, proof, now))


def _said(domain: Domain, proof: Proof, now: datetime) -> dict[str, Any]:
    return {
        "account_id": domain.account_id,
        "occurred_at": now,
        "domain_id": domain.id,
        "name": domain.name,
        "division_id": domain.division_id,
        "method": wire_name(proof.method, domain.method),
        "authorization_domain": proof.adn,
        "evidence_id": proof.evidence_id,
        "usable_until": proof.usable_until,
        "revalidation_pending": domain.pending_id is not None,
    }
