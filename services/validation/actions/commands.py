"""What other systems ask of domains, which they know by their names."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions import keeping, submitting
from services.validation.actions.accounts import know_division
from services.validation.actions.domains import Where, bring_value, join, pending_of, submitted
from services.validation.actions.keeping import Wish
from services.validation.actions.resending import resend_mails
from services.validation.actions.submitting import Asking
from services.validation.models import Attempt, Domain, OrderNeed, RandomValue
from services.validation.queries import DomainKey, need_key
from services.validation.rules.choosing import WITH_TOKEN
from services.validation.rules.contacts import MailWish
from services.validation.rules.names import BadName, intake
from services.validation.rules.policy import Policy
from services.validation.rules.text import quoted
from services.validation.rules.tokens import fingerprint, why_unfit
from shared.db import locked, locked_or_none
from shared.errors import NotFound, Rejected
from shared.events.validation import (
    ChangeDcvMethod,
    CheckDomain,
    DomainCommand,
    ReplaceRandomValue,
    ResendDcvEmails,
    SubmitDomain,
)
from shared.outbox import announce


async def submit_domain(tx: AsyncSession, policy: Policy, command: SubmitDomain, now: datetime) -> None:
    asking = Asking(policy, command.submitted_by, now, command.told_id)
    if command.division:
        know_division(tx, command.account_id, command.division, announced=False)
    domain, submission = await keeping.add_domain(tx, asking, command.account_id, _wish(command))
    if submission is None:
        await submitting.submit_domain(tx, asking, domain.key, None, command.validations)


async def change_dcv_method(tx: AsyncSession, policy: Policy, command: ChangeDcvMethod, now: datetime) -> None:
    asking = Asking(policy, command.changed_by, now, command.told_id)
    await submitting.change_dcv_method(tx, asking, await _known(tx, policy, command), command.dcv_method)


async def resend_dcv_emails(tx: AsyncSession, policy: Policy, command: ResendDcvEmails, now: datetime) -> None:
    wish = MailWish(command.name_scope, command.emails)
    asking = Asking(policy, command.asked_by, now, command.told_id, wish)
    await resend_mails(tx, asking, await _known(tx, policy, command))


async def replace_random_value(
    tx: AsyncSession, policy: Policy, command: ReplaceRandomValue, now: datetime
) -> None:  # fmt: skip
    """For every name of the request that is being proven (LC18); the value before is dead at once (TK3)."""
    if why := why_unfit(command.dcv_random_value):
        raise Rejected(f"The random value is not used: {why}.", "invalid_random_value")
    need = await locked_or_none(tx, OrderNeed, need_key(command.order, command.request_id))
    if need is None or need.ended_at:
        raise NotFound(f"Order {command.order.id} of {command.order.source} waits for nothing to be proven.")
    for name in need.names:
        domain = await locked(tx, Domain, (need.account_id, name))
        if attempt := await pending_of(tx, domain):
            await _replace(tx, policy, command, attempt, now)


async def _replace(
    tx: AsyncSession, policy: Policy, command: ReplaceRandomValue, attempt: Attempt, now: datetime
) -> None:  # fmt: skip
    key = attempt.account_id, attempt.name, fingerprint(command.value_before or "")
    if before := await locked_or_none(tx, RandomValue, key):
        before.value = None
    token = await bring_value(tx, attempt, command.dcv_random_value, now, now)
    if token and attempt.method in WITH_TOKEN:
        join(policy, attempt, [], now)
        where = Where(command.order, command.request_id)
        announce(tx, submitted(policy, attempt, token, where, now, command.told_id))


async def check_domain(tx: AsyncSession, policy: Policy, command: CheckDomain, now: datetime) -> None:
    asking = Asking(policy, command.asked_by, now, command.told_id)
    attempt = await submitting.ask_for_check(tx, asking, await _known(tx, policy, command))
    attempt.look_soon(now)


def name_of(command: DomainCommand, policy: Policy) -> str | None:
    """As it is kept; None where it can be no domain, which is refused when its turn comes."""
    try:
        if isinstance(command, SubmitDomain):
            return keeping.name_of(Asking(policy, "", command.occurred_at), _wish(command)).fqdn
        return intake(command.name, policy.suffixes, policy.blocked).fqdn
    except BadName:
        return None


def _wish(command: SubmitDomain) -> Wish:
    division_id = command.division.id if command.division else None
    return Wish(command.name, division_id, command.organization_id, command.dcv_method, command.validations,
                command.keep_www)  # fmt: skip


async def _known(tx: AsyncSession, policy: Policy, command: DomainCommand) -> DomainKey:
    key = command.account_id, intake(command.name, policy.suffixes, policy.blocked).fqdn
    if await locked_or_none(tx, Domain, key) is None:
        raise NotFound(
            f"Account {command.account_id} has no domain {quoted(command.name)}; submit it first.", "not_found|domain"
        )
    return key
