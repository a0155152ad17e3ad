"""The mails of a pending attempt once more: the same to the same, or to another domain's addresses with new values."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import new_token, pending_of, submitted
from services.validation.actions.mailing import require_scope
from services.validation.actions.submitting import Asking
from services.validation.models import Attempt, DcvMail, Domain, Mailing
from services.validation.queries import DomainKey, lock_domains
from services.validation.rules.choosing import is_open
from services.validation.rules.methods import EMAIL
from shared import rates
from shared.db import lock_all, locked, wake_at_commit
from shared.errors import Conflict, Rejected
from shared.outbox import announce

LIMITS: rates.Windows = ((3, 600), (20, 86_400))


async def resend_mails(tx: AsyncSession, asking: Asking, key: DomainKey) -> Attempt:
    """Each ends in mailboxes of others, so they are rationed for each domain."""
    await lock_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    attempt = _by_mail(asking, domain, await pending_of(tx, domain))
    scope = asking.mail.name_scope
    require_scope(asking.policy, domain.name, scope)
    await rates.count(tx, f"dcv-mails/{key[0]}/{key[1]}", LIMITS, f"times for {domain.name}", asking.now)
    if (scope and scope != (attempt.name_scope or attempt.name)) or attempt.expires_at <= asking.now:
        token = new_token(tx, attempt, asking.now, asking.by, asking.mail)
        announce(tx, submitted(asking.policy, attempt, token, None, asking.now, asking.cause))
        return attempt
    await _again(tx, asking, attempt)
    return attempt


def _by_mail(asking: Asking, domain: Domain, attempt: Attempt | None) -> Attempt:
    domain.require_active()
    if attempt is None:
        raise Conflict(f"No validation of {domain.name} is pending; submit the domain first.")
    if attempt.method != EMAIL:
        raise Rejected(f"{domain.name} is being validated by {attempt.method}, which sends no mails; change the method "
                       "to email first.", "invalid_dcv_method")  # fmt: skip
    if not is_open(EMAIL, asking.policy, asking.now):
        raise Rejected("The method email is not allowed any more or not here; change the method.", "method_not_allowed")
    return attempt


async def _again(tx: AsyncSession, asking: Asking, attempt: Attempt) -> None:
    """Word for word to those who have it (EM4); who became a contact since gets a mail of their own."""
    await lock_all(tx, Mailing, [attempt.token_id])
    mailing = await locked(tx, Mailing, attempt.token_id)
    mailing.again(list(asking.mail.only), asking.now)
    mails = await _locked_mails(tx, attempt)
    known = {mail.recipient.casefold() for mail in mails}
    for mail in mails:
        if mailing.wants(mail.recipient, known):
            mail.send_again(asking.now)
    wake_at_commit(tx)


async def _locked_mails(tx: AsyncSession, attempt: Attempt) -> Sequence[DcvMail]:
    query = select(DcvMail).where(DcvMail.attempt_id == attempt.id, DcvMail.token_id == attempt.token_id)
    return (await tx.scalars(query.order_by(DcvMail.id).with_for_update())).all()
