"""The judgement before issuance: is every name's proof usable now, and does CAA permit us (LC17)? News is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.caa import CaaStanding
from services.validation.actions.domains import Where, join_or_open, submitted, usable_proof
from services.validation.models import Domain, IssuanceQuestion, IssuanceReliance, OrderNeed
from services.validation.queries import need_key
from services.validation.rules.caa import why_not_by
from services.validation.rules.names import BadName, Name, intake
from services.validation.rules.policy import Policy
from services.validation.rules.proofs import Proof
from shared.db import append, locked_or_none
from shared.events.validation import IssuanceAuthorized, IssuanceDenied, NameRefused
from shared.outbox import announce


@dataclass(frozen=True, slots=True)
class Permitted:
    """A name with what it relies on."""

    name: str
    proof: Proof
    caa: CaaStanding

    @property
    def until(self) -> datetime:
        return min(self.proof.usable_until, self.caa.usable_until)


@dataclass
class Judgement:
    policy: Policy
    question: IssuanceQuestion
    now: datetime
    since: datetime | None
    permitted: list[Permitted] = field(default_factory=list)
    refused: list[NameRefused] = field(default_factory=list)
    unproven: list[Name] = field(default_factory=list)

    def refuse(self, name: str, code: str, message: str) -> None:
        self.refused.append(NameRefused(name=name, message=message, code=code))


async def answer(
    tx: AsyncSession,
    policy: Policy,
    question: IssuanceQuestion,
    caa: Mapping[str, CaaStanding],
    fault: str | None,
    now: datetime,
) -> None:
    """`caa`: the check of each certified name. `fault`: why nothing can be looked at, which is no permission."""
    need = await locked_or_none(tx, OrderNeed, need_key(question.order, question.request_id))
    judgement = Judgement(policy, question, now, need.fresh_since if need else None)
    for given in question.names:
        await _judge(tx, judgement, given, caa, fault)
    if not judgement.refused:
        return _authorize(tx, judgement)
    question.answer(now, None, [one.model_dump() for one in judgement.refused])
    announce(tx, _denied(judgement))
    if need and need.ended_at is None:
        await _prove_again(tx, judgement)
    return None


async def _judge(
    tx: AsyncSession, judgement: Judgement, given: str, caa: Mapping[str, CaaStanding], fault: str | None
) -> None:
    policy = judgement.policy
    try:
        name = intake(given, policy.suffixes, policy.blocked)
    except BadName as reason:
        return judgement.refuse(given, "invalid_dns_name", reason.message)
    if fault:
        return judgement.refuse(given, "not_validating", fault)
    account_id, now, since = judgement.question.account_id, judgement.now, judgement.since
    domain = await locked_or_none(tx, Domain, (account_id, name.fqdn))
    if domain and not domain.is_active:
        return judgement.refuse(given, "deactivated", f"{name.fqdn} is deactivated; activate the domain first.")
    proof = await usable_proof(tx, policy, account_id, name, now, since)
    if proof is None:
        judgement.unproven.append(name)
        return judgement.refuse(given, "unproven", _why_unproven(policy, name))
    standing = caa.get(name.certified)
    permits = standing.permits if standing and now <= standing.usable_until else frozenset()
    permitted = await usable_proof(tx, policy, account_id, name, now, since, permits)
    if standing and permitted:
        return judgement.permitted.append(Permitted(given, permitted, standing))
    return judgement.refuse(given, "caa", _why_forbidden(policy, account_id, proof, standing))


def _why_unproven(policy: Policy, name: Name) -> str:
    return (
        f"Control of {name.fqdn} is not proven, or not recently enough to be relied on today. "
        f"Publish the TXT record asked for at {policy.labels[0]}.{name.fqdn}."
    )


def _why_forbidden(policy: Policy, account_id: int, proof: Proof, standing: CaaStanding | None) -> str:
    if standing is None:
        return "CAA was not looked at; it will be when the order asks again."
    if standing.permits:
        return why_not_by(proof.method, standing.decided_at or proof.adn, policy.issuer(account_id))
    return standing.message


def _authorize(tx: AsyncSession, judgement: Judgement) -> None:
    question, permitted, now = judgement.question, judgement.permitted, judgement.now
    issue_before = min(one.until for one in permitted)
    question.answer(now, issue_before, [])
    for one in {one.name: one for one in permitted}.values():
        _rely(tx, judgement, one, issue_before)
    authorized = IssuanceAuthorized(
        account_id=question.account_id,
        occurred_at=now,
        causation_id=question.cause,
        order=question.order,
        request_id=question.request_id,
        names=tuple(question.names),
        issue_before=issue_before,
        evidence_ids=tuple(dict.fromkeys(one.proof.evidence_id for one in permitted)),
        caa_ids=tuple(dict.fromkeys(one.caa.id for one in permitted)),
        test_mode=judgement.policy.test_mode or any(one.proof.test_mode for one in permitted),
    )
    announce(tx, authorized)


def _rely(tx: AsyncSession, judgement: Judgement, one: Permitted, issue_before: datetime) -> None:
    question = judgement.question
    append(
        tx,
        IssuanceReliance,
        question_id=question.id,
        name=one.name,
        source=question.source,
        order_id=question.order_id,
        request_id=question.request_id,
        account_id=question.account_id,
        evidence_id=one.proof.evidence_id,
        caa_check_id=one.caa.id,
        relied_at=judgement.now,
        issue_before=issue_before,
    )


def _denied(judgement: Judgement) -> IssuanceDenied:
    question = judgement.question
    return IssuanceDenied(
        account_id=question.account_id,
        occurred_at=judgement.now,
        causation_id=question.cause,
        order=question.order,
        request_id=question.request_id,
        refused=tuple(judgement.refused),
    )


async def _prove_again(tx: AsyncSession, judgement: Judgement) -> None:
    """Proof that ran out while the order waited: an open order must not be stuck without an attempt."""
    question, policy, now = judgement.question, judgement.policy, judgement.now
    where = Where(question.order, question.request_id)
    for name in judgement.unproven:
        domain = await locked_or_none(tx, Domain, (question.account_id, name.fqdn))
        if domain is None or not domain.is_active:
            continue
        attempt, token = await join_or_open(tx, policy, domain, [name], now)
        announce(tx, submitted(policy, attempt, token, where, now, question.cause))
