"""Looks that are due: claimed in one transaction, recorded in another, with the network between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import Proof, close, validated
from services.validation.models import Attempt, Domain, Evidence, Validation
from services.validation.queries import DomainKey, live_values, lock_domains
from services.validation.rules.dns_change import Seen, judge
from services.validation.rules.methods import OFFERED
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.policy import POLICY_VERSION, SOFTWARE, Policy
from services.validation.rules.polling import next_look
from services.validation.rules.reuse import usable_until
from services.validation.rules.tokens import Token, fingerprint
from shared.db import add, append, lock_all, locked, locked_or_none
from shared.events.validation import DomainValidationFailed
from shared.ids import new_id
from shared.outbox import announce

# Longer than any look takes (one round of queries, 5 s); a claim that is not recorded by then is looked at again.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    attempt_id: UUID
    account_id: int
    name: str
    method: str
    token_id: UUID


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen for a claim; `started_at` is the earliest datum (EV10)."""

    claim: Claim
    seen: Sequence[Seen]
    started_at: datetime
    finished_at: datetime

    @property
    def key(self) -> DomainKey:
        return self.claim.account_id, self.claim.name


@dataclass(frozen=True, slots=True)
class Finding:
    """A look, judged under the locks by the tokens that live now."""

    id: UUID
    look: Look
    verdict: Verdict
    token: Token
    superseded: bool

    @property
    def proves(self) -> bool:
        return self.verdict.outcome is Outcome.PASS and not self.superseded


async def claim_due(tx: AsyncSession, now: datetime, limit: int) -> list[Claim]:
    """Several workers share what is due; a lease keeps a second one off the same attempt (LC5, LC15)."""
    free = or_(Attempt.leased_until.is_(None), Attempt.leased_until <= now)
    due = (
        select(Attempt.id)
        .where(Attempt.closed_at.is_(None), Attempt.due_at <= now, free)
        .order_by(Attempt.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = await tx.execute(
        update(Attempt)
        .where(Attempt.id.in_(due))
        .values(leased_until=now + LEASE)
        .returning(Attempt.id, Attempt.account_id, Attempt.name, Attempt.method, Attempt.token_id)
        .execution_options(synchronize_session=False)
    )
    return [Claim(*row) for row in claimed]


async def record_looks(tx: AsyncSession, policy: Policy, looks: Sequence[Look], now: datetime) -> None:
    """Everything is read again under locks: a look whose attempt was closed or got another token proves nothing."""
    await lock_domains(tx, [look.key for look in looks])
    await lock_all(tx, Attempt, [look.claim.attempt_id for look in looks])
    values = await live_values(tx, {look.key for look in looks})
    findings = [await _judged(tx, look, values, now) for look in looks]
    await lock_all(tx, Validation, [_validation_key(finding) for finding in findings if finding.proves])
    for finding in findings:
        await _record(tx, policy, finding, now)


async def _judged(tx: AsyncSession, look: Look, values: Mapping[DomainKey, list[Token]], now: datetime) -> Finding:
    attempt = await locked(tx, Attempt, look.claim.attempt_id)
    own = attempt.own_token
    superseded = own is None or attempt.token_id != look.claim.token_id
    # A value made after the look began cannot have been seen by it.
    tokens = [t for t in ([own] if own else []) + values.get(look.key, []) if t.created_at <= look.started_at]
    verdict = judge(look.seen, tokens, now)
    matched = next((t for t in tokens if t.id == verdict.token_id), None)
    token = matched or own or Token(str(attempt.token_id), "", attempt.token_created_at)
    return Finding(new_id(), look, verdict, token, superseded)


def _validation_key(finding: Finding) -> tuple[int, str, str]:
    claim, adn = finding.look.claim, finding.verdict.adn
    return claim.account_id, adn or claim.name, OFFERED[claim.method].section


async def _record(tx: AsyncSession, policy: Policy, finding: Finding, now: datetime) -> None:
    look = finding.look
    domain = await locked(tx, Domain, look.key)
    attempt = await locked(tx, Attempt, look.claim.attempt_id)
    _keep_evidence(tx, policy, domain, attempt, finding)
    if finding.superseded:
        attempt.leased_until = None
    elif finding.proves:
        await _prove(tx, policy, domain, attempt, finding, now)
    else:
        _note_failure(tx, policy, domain, attempt, finding.verdict, now)


async def _prove(
    tx: AsyncSession, policy: Policy, domain: Domain, attempt: Attempt, finding: Finding, now: datetime
) -> None:
    observed_at = finding.look.started_at
    account_id, adn, section = _validation_key(finding)
    row = await locked_or_none(tx, Validation, (account_id, adn, section))
    if row:
        row.prove(finding.id, observed_at, policy.test_mode)
    else:
        proven = Validation(account_id=account_id, adn=adn, method=section, evidence_id=finding.id,
                            observed_at=observed_at, test_mode=policy.test_mode)  # fmt: skip
        add(tx, proven)
    attempt.note(finding.verdict, now)
    close(tx, domain, attempt, "passed", now)
    until = usable_until(observed_at, OFFERED[attempt.method], policy.lead) or now
    proof = Proof(finding.id, adn, observed_at, until, policy.test_mode)
    announce(tx, validated(domain, proof, now))


def _note_failure(
    tx: AsyncSession, policy: Policy, domain: Domain, attempt: Attempt, verdict: Verdict, now: datetime
) -> None:
    """Found nothing new: look again later, silently. The end of polling closes nothing; the token's end does (LC7)."""
    if attempt.expires_at <= now:
        verdict = verdict if verdict.outcome is Outcome.POLICY else _expired(domain)
    due_at = next_look(attempt.polls_from, now, policy.phases) or attempt.expires_at
    changed = attempt.note(verdict, min(due_at, attempt.expires_at))
    over = attempt.expires_at <= now
    if over:
        close(tx, domain, attempt, "expired", now)
    if over or changed:
        announce(tx, _failed(domain, attempt, verdict, now))


def _expired(domain: Domain) -> Verdict:
    said = (
        f"The value for {domain.name} expired 30 days after it was made, and no record with it was seen. "
        "Submit the domain again and publish the new value."
    )
    return Verdict(Outcome.POLICY, "token_expired", said)


def _failed(domain: Domain, attempt: Attempt, verdict: Verdict, now: datetime) -> DomainValidationFailed:
    return DomainValidationFailed(
        account_id=domain.account_id,
        occurred_at=now,
        domain_id=domain.id,
        name=domain.name,
        method=attempt.method,
        outcome=verdict.outcome.value,
        message=verdict.message,
        final=attempt.closed_at is not None,
        checks=attempt.checks,
        next_check_at=None if attempt.closed_at else attempt.due_at,
    )


def _keep_evidence(tx: AsyncSession, policy: Policy, domain: Domain, attempt: Attempt, finding: Finding) -> None:
    look, verdict, token = finding.look, finding.verdict, finding.token
    append(
        tx,
        Evidence,
        id=finding.id,
        account_id=domain.account_id,
        domain_id=domain.id,
        attempt_id=attempt.id,
        name=domain.name,
        requested=attempt.requested,
        method=OFFERED[attempt.method].section,
        adn=verdict.adn,
        derivation=list(verdict.steps),
        place=verdict.place,
        token_sha256=fingerprint(token.value) if token.value else attempt.token_sha256,
        token_created_at=token.created_at,
        observed_at=look.started_at,
        finished_at=look.finished_at,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        message=verdict.message,
        superseded=finding.superseded,
        queries=[answer.as_evidence() for _, answer in look.seen],
        perspective="primary",
        resolver_configuration=policy.resolver_configuration,
        suffixes_version=policy.suffixes.version,
        software_version=SOFTWARE,
        policy_version=POLICY_VERSION,
        recorded_by="worker",
        test_mode=policy.test_mode,
    )
