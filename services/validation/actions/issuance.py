"""The judgement before issuance: is every name's proof usable now (LC17)? News of a validation is none."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import Proof, join_or_open, submitted, usable_proof
from services.validation.models import Domain, OrderNeed
from services.validation.queries import order_key
from services.validation.rules.names import BadName, Name, intake
from services.validation.rules.policy import Policy
from shared.db import locked_or_none
from shared.events.validation import AuthorizeIssuance, IssuanceAuthorized, IssuanceDenied, NameRefused
from shared.outbox import announce

# A CAA check serves 8 hours and is repeated after 7 (CA2): an authorisation lasts no longer.
LONGEST = timedelta(hours=7)


@dataclass
class Judgement:
    proofs: list[Proof] = field(default_factory=list)
    refused: list[NameRefused] = field(default_factory=list)
    unproven: list[Name] = field(default_factory=list)


async def authorize_issuance(tx: AsyncSession, policy: Policy, command: AuthorizeIssuance, now: datetime) -> None:
    need = await locked_or_none(tx, OrderNeed, order_key(command.order))
    judgement = Judgement()
    for given in command.names:
        await _judge(tx, policy, command, given, now, judgement)
    if not judgement.refused:
        return announce(tx, _authorized(policy, command, judgement.proofs, now))
    announce(tx, _denied(command, judgement.refused, now))
    if need and need.ended_at is None:
        await _prove_again(tx, policy, command, judgement.unproven, now)
    return None


async def _judge(
    tx: AsyncSession, policy: Policy, command: AuthorizeIssuance, given: str, now: datetime, judgement: Judgement
) -> None:
    need = await locked_or_none(tx, OrderNeed, order_key(command.order))
    try:
        name = intake(given, policy.suffixes, policy.blocked)
    except BadName as reason:
        judgement.refused.append(NameRefused(name=given, message=reason.message))
        return
    since = need.fresh_since if need else None
    if proof := await usable_proof(tx, policy, command.account_id, name, now, since):
        judgement.proofs.append(proof)
        return
    judgement.unproven.append(name)
    judgement.refused.append(NameRefused(name=given, message=_why_unproven(policy, name)))


def _why_unproven(policy: Policy, name: Name) -> str:
    return (
        f"Control of {name.fqdn} is not proven, or not recently enough to be relied on today. "
        f"Publish the TXT record asked for at {policy.labels[0]}.{name.fqdn}."
    )


def _authorized(policy: Policy, command: AuthorizeIssuance, proofs: list[Proof], now: datetime) -> IssuanceAuthorized:
    return IssuanceAuthorized(
        account_id=command.account_id,
        occurred_at=now,
        causation_id=command.told_id,
        order=command.order,
        names=command.names,
        issue_before=min(now + LONGEST, *(proof.usable_until for proof in proofs)),
        evidence_ids=tuple(dict.fromkeys(proof.evidence_id for proof in proofs)),
        test_mode=policy.test_mode or any(proof.test_mode for proof in proofs),
    )


def _denied(command: AuthorizeIssuance, refused: list[NameRefused], now: datetime) -> IssuanceDenied:
    return IssuanceDenied(
        account_id=command.account_id,
        occurred_at=now,
        causation_id=command.told_id,
        order=command.order,
        refused=tuple(refused),
    )


async def _prove_again(
    tx: AsyncSession, policy: Policy, command: AuthorizeIssuance, names: list[Name], now: datetime
) -> None:
    """Proof that ran out while the order waited: an open order must not be stuck without an attempt."""
    for name in names:
        domain = await locked_or_none(tx, Domain, (command.account_id, name.fqdn))
        if domain is None:
            continue
        attempt, token = await join_or_open(tx, policy, domain, [name], now)
        announce(tx, submitted(policy, attempt, token, command.order, now, command.told_id))
