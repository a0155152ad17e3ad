"""The mails of a pending attempt once more: the same to the same, or to another domain's addresses with new values."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.domains import new_token, pending_of, submitted
from services.validation.actions.mailing import require_scope
from services.validation.actions.submitting import Asking
from services.validation.models import Attempt, Domain, Mailing
from services.validation.queries import DomainKey, lock_domains, locked_mails
from services.validation.rules.choosing import is_open
from services.validation.rules.methods import EMAIL
from shared.db import locked, wake_at_commit
from shared.errors import Conflict, Rejected
from shared.outbox import announce


async def resend_mails(tx: AsyncSession, asking: Asking, key: DomainKey) -> Attempt:
    await lock_domains(tx, [key])
    domain = await locked(tx, Domain, key)
    attempt = _by_mail(asking, domain, await pending_of(tx, domain))
    scope = asking.mail.name_scope
    require_scope(asking.policy, domain.name, scope)
    mails = await locked_mails(tx, attempt.token_id)
    mailing = await locked(tx, Mailing, attempt.token_id)
    mailing.ask(asking.now)
    if (scope and scope != mailing.adn) or attempt.expires_at <= asking.now:
        token = new_token(tx, attempt, asking.now, asking.by, asking.mail)
        announce(tx, submitted(asking.policy, attempt, token, None, asking.now, asking.cause))
        return attempt
    # Word for word to those who have it (EM4); who became a contact since gets a mail of their own.
    mailing.again(list(asking.mail.only), asking.now)
    known = {mail.recipient.casefold() for mail in mails}
    for mail in mails:
        if mailing.wants(mail.recipient, known):
            mail.send_again(asking.now)
    wake_at_commit(tx)
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
