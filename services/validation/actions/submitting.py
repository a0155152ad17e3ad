"""A domain is submitted for validation, by whatever door: at any time, its current validation untouched (LC1–LC4)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import close, join, live_token, new_token, open_attempt, pending_of, submitted
from services.validation.actions.mailing import require_scope
from services.validation.models import Attempt, Domain
from services.validation.queries import DomainKey, lock_domains
from services.validation.rules.choosing import WITH_TOKEN, choose
from services.validation.rules.contacts import ANY_MAIL, MailWish
from services.validation.rules.names import intake
from services.validation.rules.policy import Policy
from services.validation.rules.tokens import Token
from shared.db import locked
from shared.errors import Conflict, Rejected
from shared.events.validation import DcvMethodChanged
from shared.outbox import announce


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and when; `cause` is the command it came with, `mail` what is wished where the method is e-mail."""

    policy: Policy
    by: str
    now: datetime
    cause: str | None = None
    mail: MailWish = ANY_MAIL


@dataclass(frozen=True, slots=True)
class Submission:
    domain: Domain
    attempt: Attempt
    token: Token


async def submit_domain(
    tx: AsyncSession, asking: Asking, key: DomainKey, method: str | None, types: tuple[str, ...] = ()
) -> Submission:
    """While one is pending the same method, or none, changes nothing but polling; another one is a change of method,
    and the value before is dead at once (LC3)."""
    domain = await _to_prove(tx, asking, key)
    domain.describe(None, None, False, types)
    pending = await pending_of(tx, domain)
    chosen = choose(method, pending.method if pending else domain.method, _requested(pending), asking.policy,
                    asking.now)  # fmt: skip
    require_scope(asking.policy, domain.name, asking.mail.name_scope)
    if pending is None:
        return _open(tx, asking, domain, chosen)
    if pending.method != chosen:
        return _change(tx, asking, domain, pending, chosen)
    return _go_on(tx, asking, domain, pending)


async def change_dcv_method(tx: AsyncSession, asking: Asking, key: DomainKey, method: str) -> Submission:
    """Where nothing is pending the next attempt starts with it."""
    return await submit_domain(tx, asking, key, method)


async def renew_token(tx: AsyncSession, asking: Asking, key: DomainKey) -> Submission:
    domain = await _to_prove(tx, asking, key)
    pending = await pending_of(tx, domain)
    method = choose(None, pending.method if pending else domain.method, _requested(pending), asking.policy, asking.now)
    if method not in WITH_TOKEN:
        raise Rejected(
            f"The method {method} has no token to be renewed; change the method, or follow its own instructions.",
            "invalid_dcv_method",
        )
    if pending is None:
        return _open(tx, asking, domain, method)
    return _renew(tx, asking, domain, pending)


async def cancel_submission(tx: AsyncSession, asking: Asking, key: DomainKey) -> Domain:
    """The current validation stays as it is. What an open order needs goes on."""
    await lock_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    pending = await pending_of(tx, domain)
    if pending is None:
        raise Conflict(f"No validation of {domain.name} is pending; there is nothing to cancel.")
    if domain.needs:
        raise Conflict(f"An open order needs {domain.name} proven; cancel that order, or change the method instead.")
    close(tx, domain, pending, "cancelled", asking.now, asking.by)
    return domain


async def ask_for_check(tx: AsyncSession, asking: Asking, key: DomainKey) -> Attempt:
    """One look soon; polling goes on as it was (LC6)."""
    await lock_domains(tx, [key])
    pending = await pending_of(tx, await locked(tx, Domain, key))
    if pending is None:
        raise Conflict(f"No validation of {key[1]} is pending; submit the domain first.")
    pending.ask(asking.now)
    return pending


async def _to_prove(tx: AsyncSession, asking: Asking, key: DomainKey) -> Domain:
    await lock_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    domain.require_active()
    intake(domain.name, asking.policy.suffixes, asking.policy.blocked)  # lists of suffixes and blocked names change
    return domain


def _requested(pending: Attempt | None) -> list[str]:
    return pending.requested if pending else []


def _open(tx: AsyncSession, asking: Asking, domain: Domain, method: str) -> Submission:
    before = domain.method
    attempt = open_attempt(tx, asking.policy, domain, method, asking.now, asking.by)
    join(asking.policy, attempt, [domain.name], asking.now)
    token = live_token(tx, attempt, asking.now, asking.by, asking.mail)
    if before and before != method:
        _say_changed(tx, asking, attempt, token, before)
    return _submitted(tx, asking, domain, attempt, token)


def _go_on(tx: AsyncSession, asking: Asking, domain: Domain, attempt: Attempt) -> Submission:
    before = attempt.token_id
    domain.submitted_at = asking.now
    join(asking.policy, attempt, [], asking.now)
    token = live_token(tx, attempt, asking.now, asking.by, asking.mail)
    if attempt.token_id == before:
        return Submission(domain, attempt, token)
    return _submitted(tx, asking, domain, attempt, token)


def _renew(tx: AsyncSession, asking: Asking, domain: Domain, attempt: Attempt) -> Submission:
    join(asking.policy, attempt, [], asking.now)
    return _submitted(tx, asking, domain, attempt, new_token(tx, attempt, asking.now, asking.by))


def _change(tx: AsyncSession, asking: Asking, domain: Domain, attempt: Attempt, method: str) -> Submission:
    token = change_method(tx, asking, domain, attempt, method)
    return Submission(domain, attempt, token)


def change_method(tx: AsyncSession, asking: Asking, domain: Domain, attempt: Attempt, method: str) -> Token:
    """The old token goes to history with the method it was for."""
    before = attempt.method
    domain.submitted_at = asking.now
    token = new_token(tx, attempt, asking.now, asking.by, asking.mail, method)
    domain.method = method
    join(asking.policy, attempt, [], asking.now)
    _say_changed(tx, asking, attempt, token, before)
    return token


def _submitted(tx: AsyncSession, asking: Asking, domain: Domain, attempt: Attempt, token: Token) -> Submission:
    announce(tx, submitted(asking.policy, attempt, token, None, asking.now, asking.cause))
    return Submission(domain, attempt, token)


def _say_changed(tx: AsyncSession, asking: Asking, attempt: Attempt, token: Token, before: str) -> None:
    wanted = attempt.instructions(asking.policy, token.value)
    announce(tx, DcvMethodChanged(
        account_id=attempt.account_id,
        occurred_at=asking.now,
        causation_id=asking.cause,
        domain_id=attempt.domain_id,
        name=attempt.name,
        method_before=before,
        method=attempt.method,
        record_name=wanted.name,
        record_type=wanted.type,
        record_value=wanted.value,
        expires_at=token.expires_at,
        changed_by=asking.by,
    ))  # fmt: skip
