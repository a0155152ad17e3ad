"""The attempts of a domain, and the proof it has."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.mailing import begin_mailing, forget_mails
from services.validation.models import Attempt, Domain, PastToken, RandomValue, Validation
from services.validation.queries import validation_keys
from services.validation.rules.choosing import is_open, why_not_for, wire_name
from services.validation.rules.contacts import ANY_MAIL, MailWish
from services.validation.rules.methods import DNS_TXT, EMAIL, METHODS
from services.validation.rules.names import Name, reversed_labels
from services.validation.rules.policy import Policy
from services.validation.rules.polling import spread
from services.validation.rules.proofs import Proof, longest
from services.validation.rules.tokens import Token, fingerprint, random_value
from shared.db import add, append, at_end, locked, locked_or_none
from shared.events.base import OrderRef
from shared.events.validation import DomainSubmitted, DomainValidated
from shared.ids import new_id


async def usable_proof(
    tx: AsyncSession,
    policy: Policy,
    account_id: int,
    name: Name,
    now: datetime,
    since: datetime | None = None,
    methods: Collection[str] = METHODS,
) -> Proof | None:
    """The proof that lasts longest of those usable for `name` at this moment (AD2, SV1), by one of `methods`; its row
    is locked."""
    keys = [key for key in validation_keys(policy, account_id, name) if key[2] in methods]
    rows = [row for key in keys if (row := await locked_or_none(tx, Validation, key))]
    return longest([row for row in rows if row.serves(name)], policy, now, since)


async def proof_of_all(
    tx: AsyncSession, policy: Policy, account_id: int, names: Sequence[Name], now: datetime, since: datetime | None
) -> Proof | None:
    """Where each of them is served, the proof that ends first: a name may be proven and its wildcard not (PT7)."""
    found = [proof for name in names if (proof := await usable_proof(tx, policy, account_id, name, now, since))]
    return min(found, key=lambda proof: proof.usable_until) if len(found) == len(names) else None


async def join_or_open(
    tx: AsyncSession, policy: Policy, domain: Domain, names: list[Name], now: datetime, method: str | None = None
) -> tuple[Attempt, Token]:
    """An order joins the open attempt and does not change its method (LC18); a token that died meanwhile is renewed."""
    certified = [name.certified for name in names]
    chosen = method or _usual(policy, domain, certified, now)
    attempt = await pending_of(tx, domain) or open_attempt(tx, policy, domain, chosen, now)
    join(policy, attempt, certified, now)
    return attempt, live_token(tx, attempt, now)


def _usual(policy: Policy, domain: Domain, certified: list[str], now: datetime) -> str:
    """The method used before, where it can be used for this."""
    before = domain.method
    fits = before and is_open(before, policy, now) and not why_not_for(before, certified)
    return before if before and fits else DNS_TXT


async def pending_of(tx: AsyncSession, domain: Domain) -> Attempt | None:
    return await locked(tx, Attempt, domain.pending_id) if domain.pending_id else None


def join(policy: Policy, attempt: Attempt, certified: list[str], now: datetime) -> None:
    """Polling starts again, and the first look is soon."""
    first = now + policy.first_look
    attempt.join(certified, first, first + spread(policy.first_look))


def live_token(
    tx: AsyncSession, attempt: Attempt, now: datetime, by: str | None = None, mail: MailWish = ANY_MAIL
) -> Token:
    """Its own; a new one where that is over. One made while this transaction waited for its turn is not."""
    token = attempt.own_token
    return token if token and now < token.expires_at else new_token(tx, attempt, now, by, mail)


def new_token(
    tx: AsyncSession, attempt: Attempt, now: datetime, by: str | None = None, mail: MailWish = ANY_MAIL,
    method: str | None = None,
) -> Token:  # fmt: skip
    """The one before is dead at once, for looks under way too, and goes to history with the method it was for; so are
    the mails that belonged to it (TK3, LC3). `method`: another one from now on."""
    if attempt.token:
        append(tx, PastToken, token_id=attempt.token_id, attempt_id=attempt.id, method=attempt.method,
               sha256=attempt.token_sha256, created_at=attempt.token_created_at, ended_at=now, ended_by=by)  # fmt: skip
        forget_mails(tx, attempt)
    attempt.method = method or attempt.method
    attempt.name_scope = (mail.name_scope or attempt.name_scope) if attempt.method == EMAIL else None
    token = attempt.take_token(random_value(), now)
    if attempt.method == EMAIL:
        begin_mailing(tx, attempt, mail, now)
    return token


def open_attempt(
    tx: AsyncSession,
    policy: Policy,
    domain: Domain,
    method: str,
    now: datetime,
    by: str | None = None,
    renews: bool = False,
) -> Attempt:
    domain.pending_id, domain.method = new_id(), method
    domain.submitted_at = domain.submitted_at if renews else now
    return add(
        tx,
        Attempt(
            id=domain.pending_id,
            account_id=domain.account_id,
            name=domain.name,
            reversed_name=reversed_labels(domain.name),
            domain_id=domain.id,
            requested=[],
            method=method,
            token=None,
            expires_at=now,
            polls_from=now,
            due_at=now + policy.first_look + spread(policy.first_look),
            checks=0,
            opened_at=now,
            opened_by=by,
            renews=renews,
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


def close(tx: AsyncSession, domain: Domain, attempt: Attempt, ended: str, now: datetime, by: str | None = None) -> None:
    forget_mails(tx, attempt)
    attempt.close(ended, now, by)
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


@dataclass(frozen=True, slots=True)
class Where:
    """The request that a name is proven for."""

    order: OrderRef
    request_id: int | None = None


def submitted(
    policy: Policy, attempt: Attempt, token: Token, where: Where | None, now: datetime, cause: str | None
) -> DomainSubmitted:
    wanted = attempt.instructions(policy, token.value)
    return DomainSubmitted(
        account_id=attempt.account_id,
        occurred_at=now,
        causation_id=cause,
        domain_id=attempt.domain_id,
        name=attempt.name,
        order=where.order if where else None,
        request_id=where.request_id if where else None,
        method=attempt.method,
        record_name=wanted.name,
        record_type=wanted.type,
        record_value=wanted.value,
        expires_at=token.expires_at,
    )


def validated(
    domain: Domain, proof: Proof, now: datetime, cause: str | None = None, caa_warning: str | None = None
) -> DomainValidated:
    return DomainValidated(
        account_id=domain.account_id,
        occurred_at=now,
        causation_id=cause,
        domain_id=domain.id,
        name=domain.name,
        method=wire_name(proof.method, domain.method),
        authorization_domain=proof.adn,
        evidence_id=proof.evidence_id,
        observed_at=proof.observed_at,
        usable_until=proof.usable_until,
        test_mode=proof.test_mode,
        caa_warning=caa_warning,
    )
