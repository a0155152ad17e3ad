"""The attempts of a domain, and the proof it has."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Attempt, Domain, RandomValue, Validation
from services.validation.queries import validation_keys
from services.validation.rules.methods import DNS_TXT, METHODS
from services.validation.rules.names import Name, reversed_labels
from services.validation.rules.policy import Policy
from services.validation.rules.polling import spread
from services.validation.rules.reuse import is_usable, usable_until
from services.validation.rules.tokens import Token, fingerprint, random_value
from shared.db import add, at_end, locked, locked_or_none
from shared.events.base import OrderRef
from shared.events.validation import DomainSubmitted, DomainValidated
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Proof:
    evidence_id: UUID
    adn: str
    observed_at: datetime
    usable_until: datetime
    test_mode: bool


async def usable_proof(
    tx: AsyncSession, policy: Policy, account_id: int, name: Name, now: datetime, since: datetime | None = None
) -> Proof | None:
    """The proof that lasts longest of those usable for `name` at this moment (AD2, SV1)."""
    found = [
        proof
        for key in validation_keys(policy, account_id, name)
        if (row := await locked_or_none(tx, Validation, key))
        and (since is None or row.observed_at >= since)
        and (proof := _judged(row, policy, now))
    ]
    return max(found, key=lambda proof: proof.usable_until, default=None)


def _judged(row: Validation, policy: Policy, now: datetime) -> Proof | None:
    method = METHODS[row.method]
    until = usable_until(row.observed_at, method, policy.lead)
    if until is None or not policy.accepts(row.test_mode):
        return None
    if not is_usable(row.observed_at, method, now, policy.lead):
        return None
    return Proof(row.evidence_id, row.adn, row.observed_at, until, row.test_mode)


async def join_or_open(
    tx: AsyncSession, policy: Policy, domain: Domain, names: list[Name], now: datetime
) -> tuple[Attempt, Token]:
    """An order joins the open attempt and never changes its method (LC18); a token that died meanwhile is renewed."""
    first = now + policy.first_look
    due_at = first + spread(policy.first_look)
    attempt = await locked(tx, Attempt, domain.pending_id) if domain.pending_id else _open(tx, domain, now, due_at)
    attempt.join([name.certified for name in names], first, due_at)
    token = attempt.own_token
    if token is None or not token.is_alive(now):
        token = attempt.take_token(random_value(), now)
    return attempt, token


def _open(tx: AsyncSession, domain: Domain, now: datetime, due_at: datetime) -> Attempt:
    domain.pending_id, domain.method = new_id(), DNS_TXT
    return add(
        tx,
        Attempt(
            id=domain.pending_id,
            account_id=domain.account_id,
            name=domain.name,
            reversed_name=reversed_labels(domain.name),
            domain_id=domain.id,
            requested=[],
            method=DNS_TXT,
            token=None,
            expires_at=now,
            polls_from=now,
            due_at=due_at,
            checks=0,
            opened_at=now,
        ),
    )


async def bring_value(
    tx: AsyncSession, attempt: Attempt, value: str, placed_at: datetime, now: datetime
) -> Token | None:
    """Make an order's random value a live token of the attempt, or None when it is older than a token may be."""
    key = (attempt.account_id, attempt.name, fingerprint(value))
    row = await locked_or_none(tx, RandomValue, key)
    if row is None:
        account_id, name, sha256 = key
        created_at = min(placed_at, now)
        row = add(tx, RandomValue(account_id=account_id, name=name, sha256=sha256, value=value, created_at=created_at))
    row.value = value
    token = row.token
    if token is None or not token.is_alive(now):
        row.value = None
        return None
    attempt.expires_at = max(attempt.expires_at, token.expires_at)
    return token


def close(tx: AsyncSession, domain: Domain, attempt: Attempt, ended: str, now: datetime) -> None:
    attempt.close(ended, now)
    if domain.pending_id == attempt.id:
        domain.pending_id = None
    tx.info.setdefault("closed_domains", []).append(domain)
    at_end(tx, forget_values)


async def forget_values(tx: AsyncSession) -> None:
    """The clear values of orders die with the attempt; their hashes stay (TK7)."""
    domains: list[Domain] = tx.info.pop("closed_domains", [])
    gone = {(domain.account_id, domain.name) for domain in domains if domain.pending_id is None}
    await tx.execute(
        update(RandomValue)
        .where(tuple_(RandomValue.account_id, RandomValue.name).in_(gone), RandomValue.value.is_not(None))
        .values(value=None)
        .execution_options(synchronize_session=False)
    )


def submitted(
    policy: Policy, attempt: Attempt, token: Token, order: OrderRef, now: datetime, cause: str
) -> DomainSubmitted:
    return DomainSubmitted(
        account_id=attempt.account_id,
        occurred_at=now,
        causation_id=cause,
        domain_id=attempt.domain_id,
        name=attempt.name,
        order=order,
        method=attempt.method,
        record_name=f"{policy.labels[0]}.{attempt.name}",
        record_value=token.value,
        expires_at=token.expires_at,
    )


def validated(domain: Domain, proof: Proof, now: datetime, cause: str | None = None) -> DomainValidated:
    return DomainValidated(
        account_id=domain.account_id,
        occurred_at=now,
        causation_id=cause,
        domain_id=domain.id,
        name=domain.name,
        method=domain.method or DNS_TXT,
        authorization_domain=proof.adn,
        evidence_id=proof.evidence_id,
        observed_at=proof.observed_at,
        usable_until=proof.usable_until,
        test_mode=proof.test_mode,
    )
