"""Somebody who got a mail says yes: an act of its own, with the value of that mail (EM6)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Attempt, DcvMail, Domain
from services.validation.queries import lock_domains
from services.validation.queries.mails import mail_with
from services.validation.rules.choosing import is_open
from services.validation.rules.methods import EMAIL
from services.validation.rules.policy import Policy
from services.validation.rules.text import cleaned
from shared.db import lock_all, locked, wake_at_commit
from shared.errors import DomainError, NotFound

LONGEST_AGENT = 255


class Over(DomainError):
    """Of a link that was good once."""

    status = 410
    code = "gone"


@dataclass(frozen=True, slots=True)
class Confirmer:
    """Where the confirmation came from, as far as it can be told."""

    address: str
    agent: str


async def confirm(tx: AsyncSession, policy: Policy, value: str, who: Confirmer, now: datetime) -> DcvMail:
    """Twice is as good as once, and two at once are one. What it proves is judged by the look that follows."""
    found = require_usable(policy, await mail_with(tx, value), now)
    await lock_domains(tx, [(found.account_id, found.name)])
    await lock_all(tx, Attempt, [found.attempt_id])
    await lock_all(tx, DcvMail, [found.id])
    mail = require_usable(policy, await locked(tx, DcvMail, found.id), now)
    attempt = await locked(tx, Attempt, mail.attempt_id)
    if mail.confirmed_at:
        return mail
    if attempt.closed_at or attempt.token_id != mail.token_id:
        raise over(mail)
    mail.confirm(cleaned(who.address), cleaned(who.agent, LONGEST_AGENT), now)
    attempt.confirmed(now)
    wake_at_commit(tx)
    return mail


def require_usable(policy: Policy, mail: DcvMail | None, now: datetime) -> DcvMail:
    """One that was confirmed may be looked at again; raises what is to be said of any other."""
    if mail is None:
        raise NotFound("This link is not known here. Copy it from the mail as a whole, in one line.")
    if mail.confirmed_at:
        return mail
    if now >= mail.expires_at:
        raise Over(f"This link was good until {mail.expires_at:%Y-%m-%d}. Who wants {mail.adn} validated can ask for "
                   "a new mail.")  # fmt: skip
    if mail.value is None:
        raise over(mail)
    if not is_open(EMAIL, policy, now):
        raise Over(f"Domains are not validated by e-mail here any more; {mail.adn} has to be by another method.",
                   "method_not_allowed")  # fmt: skip
    return mail


def over(mail: DcvMail) -> Over:
    return Over(
        "This link confirms nothing any more: what it was for is over, or a newer mail about "
        f"{mail.adn} took its place."
    )


async def domain_of(tx: AsyncSession, mail: DcvMail) -> Domain | None:
    return await tx.get(Domain, (mail.account_id, mail.name))
