"""Looks that are due: claimed in one transaction, recorded in another, with the network between them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import close, proof_of_all, validated
from services.validation.actions.evidence import Claim, Finding, Look, advice, keep_evidence, warning
from services.validation.actions.reminding import rest_on
from services.validation.actions.renewing import plan_renewal
from services.validation.models import Attempt, Domain, Validation
from services.validation.queries import DomainKey, confirmations, live_values, lock_domains, lock_validations
from services.validation.rules.contacts import Confirmed
from services.validation.rules.corroboration import judge_for, quorum_of, same_proof, with_quorum
from services.validation.rules.judging import judge
from services.validation.rules.matching import TOKEN_EXPIRED
from services.validation.rules.methods import EMAIL
from services.validation.rules.names import reversed_labels
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.policy import Policy
from services.validation.rules.polling import next_look, place_in_pause
from services.validation.rules.quorum import Quorum
from services.validation.rules.tokens import Token
from shared.db import add, lock_all, locked, locked_or_none
from shared.events.validation import DomainValidationFailed
from shared.ids import new_id
from shared.outbox import announce

# Longer than any look takes: from here (a file: 20 s), then by the others (15 s). A claim that is not recorded by then
# is looked at again.
LEASE = timedelta(seconds=60)
CLAIMED = (
    Attempt.id, Attempt.account_id, Attempt.name, Attempt.method, Attempt.token_id, Attempt.token,
    Attempt.token_created_at, Attempt.requested,
)  # fmt: skip


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
        .returning(*CLAIMED)
        .execution_options(synchronize_session=False)
    )
    rows = claimed.all()
    values = await live_values(tx, {(row.account_id, row.name) for row in rows}) if rows else {}
    confirmed = await confirmations(tx, {row.token_id for row in rows if row.method == EMAIL})
    return [_claim(row, values, confirmed) for row in rows]


def _claim(row: Any, values: Mapping[DomainKey, list[Token]], confirmed: Mapping[UUID, Confirmed]) -> Claim:
    own = [Token(str(row.token_id), row.token, row.token_created_at)] if row.token else []
    tokens = (*own, *values.get((row.account_id, row.name), []))
    wildcard = any(asked.startswith("*.") for asked in row.requested)
    by_mail = confirmed.get(row.token_id)
    return Claim(row.id, row.account_id, row.name, row.method, row.token_id, wildcard, tokens, by_mail)


async def record_looks(tx: AsyncSession, policy: Policy, looks: Sequence[Look], now: datetime) -> None:
    """Everything is read again under locks: a look whose attempt was closed or got another token proves nothing."""
    keys = {look.key for look in looks}
    await lock_domains(tx, keys)
    await lock_all(tx, Attempt, [look.claim.attempt_id for look in looks])
    values = await live_values(tx, keys)
    await lock_validations(tx, policy, keys)
    findings = [await _judged(tx, look, values, now) for look in looks]
    for finding in findings:
        await _prove(tx, policy, finding)
    for finding in findings:
        await _record(tx, policy, finding, now)
    await _wake_others(tx, findings, now)


async def _judged(tx: AsyncSession, look: Look, values: Mapping[DomainKey, list[Token]], now: datetime) -> Finding:
    attempt = await locked(tx, Attempt, look.claim.attempt_id)
    own = attempt.own_token
    superseded = own is None or attempt.token_id != look.claim.token_id
    tokens = ([own] if own else []) + values.get(look.key, [])
    verdict = judge(look.job, look.primary, tokens, now)
    verdict, quorum, remotes = _corroborated(look, verdict, tokens, now)
    matched = next((t for t in tokens if t.id == verdict.token_id), None)
    of_claim = look.claim.tokens[:1] if superseded else ()
    token = matched or next(iter(of_claim), own) or Token(str(attempt.token_id), "", attempt.token_created_at)
    return Finding(new_id(), look, verdict, token, superseded, quorum, remotes)


def _corroborated(
    look: Look, primary: Verdict, tokens: Sequence[Token], now: datetime
) -> tuple[Verdict, Quorum | None, Mapping[str, Verdict]]:
    """Judged here as the primary was, by the same tokens: what was agreed while they were asked may be void by now."""
    told = look.reports
    if told is None or primary.outcome is not Outcome.PASS:
        return primary, None, {}
    remotes = {t.perspective: judge_for(look.job, t.observation, primary, tokens, now) for t in told if t.observation}
    quorum = quorum_of(told, lambda seen: same_proof(primary, remotes[seen.perspective]))
    messages = {t.perspective: t.fault or remotes[t.perspective].message for t in told}
    return with_quorum(primary, quorum, messages), quorum, remotes


async def _record(tx: AsyncSession, policy: Policy, finding: Finding, now: datetime) -> None:
    look = finding.look
    domain = await locked(tx, Domain, look.key)
    attempt = await locked(tx, Attempt, look.claim.attempt_id)
    keep_evidence(tx, policy, domain, attempt, finding)
    if finding.superseded:
        attempt.leased_until = None
        return
    if proof := await proof_of_all(tx, policy, domain.account_id, attempt.names, now, attempt.opened_at):
        attempt.note(finding.verdict, now)
        close(tx, domain, attempt, "passed", now)
        rest_on(policy, domain, proof, now)
        plan_renewal(domain, proof)
        announce(tx, validated(domain, proof, now, None, warning(finding, advice(policy, attempt, finding))))
    else:
        finding = replace(finding, verdict=_too_narrow(domain)) if finding.proves else finding
        _note_failure(tx, policy, domain, attempt, finding, now)


async def _prove(tx: AsyncSession, policy: Policy, finding: Finding) -> None:
    if not finding.proves:
        return
    observed_at = finding.look.observed_at
    row = await locked_or_none(tx, Validation, finding.validation_key)
    if row:
        row.prove(finding.id, observed_at, policy.test_mode, finding.verdict.exact)
        return
    account_id, adn, method = finding.validation_key
    proven = Validation(account_id=account_id, adn=adn, method=method, evidence_id=finding.id,
                        observed_at=observed_at, test_mode=policy.test_mode, exact=finding.verdict.exact)  # fmt: skip
    add(tx, proven)


async def _wake_others(tx: AsyncSession, findings: Sequence[Finding], now: datetime) -> None:
    """What proves a domain serves the names below it (AD2): their open attempts are to see it now. Those that are
    locked are being recorded at this moment; they see it at their next look."""
    proven = {finding.validation_key[:2] for finding in findings if finding.proves}
    if not proven:
        return
    below = or_(*(_is_below(account_id, reversed_labels(adn)) for account_id, adn in proven))
    own = [finding.look.claim.attempt_id for finding in findings]
    open_ones = select(Attempt.id).where(Attempt.closed_at.is_(None), Attempt.id.not_in(own), below)
    others = open_ones.with_for_update(skip_locked=True).scalar_subquery()
    wake = update(Attempt).where(Attempt.id.in_(others)).values(due_at=now)
    await tx.execute(wake.execution_options(synchronize_session=False))


def _is_below(account_id: int, start: str) -> ColumnElement[bool]:
    """A range of the index: "/" follows "." """
    end = start.removesuffix(".") + "/"
    return and_(Attempt.account_id == account_id, Attempt.reversed_name >= start, Attempt.reversed_name < end)


def _note_failure(
    tx: AsyncSession, policy: Policy, domain: Domain, attempt: Attempt, finding: Finding, now: datetime
) -> None:
    """Found nothing new: look again later, silently. The end of polling closes nothing; the token's end does (LC7),
    and what a rule forbids."""
    verdict = finding.verdict
    ended = _end_of(attempt, verdict, now)
    if ended and verdict.outcome is not Outcome.POLICY:
        verdict = _expired(domain, attempt)
    changed = attempt.note(verdict, min(_look_again_at(policy, attempt, finding, now), attempt.expires_at))
    if ended:
        close(tx, domain, attempt, ended, now)
    if ended or changed:
        announce(tx, _failed(domain, attempt, verdict, now))


def _look_again_at(policy: Policy, attempt: Attempt, finding: Finding, now: datetime) -> datetime:
    """Nothing can be seen of a mail until somebody confirms, which makes it due; perhaps while this look was made."""
    if finding.verdict.reason == "unconfirmed":
        return attempt.due_at if attempt.polls_from > finding.look.primary.started_at else attempt.expires_at
    return next_look(attempt.polls_from, now, policy.phases, place_in_pause(attempt.id)) or attempt.expires_at


def _end_of(attempt: Attempt, verdict: Verdict, now: datetime) -> str | None:
    """Of several values one may be dead while another lives: then the attempt goes on."""
    if verdict.outcome is Outcome.POLICY and verdict.reason != TOKEN_EXPIRED:
        return "failed"
    if attempt.expires_at > now:
        return None
    return "not_renewed" if attempt.renews else "expired"


def _too_narrow(domain: Domain) -> Verdict:
    """Looked at for the name itself, while an order brought its wildcard."""
    said = f"The persistent TXT record proves {domain.name} itself only; for its wildcard add policy=wildcard."
    return Verdict(Outcome.MISMATCH, "scope", said)


def _expired(domain: Domain, attempt: Attempt) -> Verdict:
    if attempt.renews:
        return Verdict(Outcome.POLICY, "not_renewed", _not_renewed(domain, attempt))
    if attempt.method == EMAIL:
        said = f"The mails about {domain.name} are 30 days old, and nobody confirmed by one. Submit the domain again."
        return Verdict(Outcome.POLICY, TOKEN_EXPIRED, said)
    said = (
        f"The value for {domain.name} expired 30 days after it was made, and no record with it was seen. "
        "Submit the domain again and publish the new value."
    )
    return Verdict(Outcome.POLICY, TOKEN_EXPIRED, said)


def _not_renewed(domain: Domain, attempt: Attempt) -> str:
    return (
        f"The validation of {domain.name} is not renewed by itself any more, for until it ended the persistent record "
        f"was not seen again. {attempt.message or ''} Put the record right and submit the domain again."
    )


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
