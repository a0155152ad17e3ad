"""Mails to who controls a domain: begun with the attempt, written by a worker, repeated when somebody asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Attempt, DcvMail, Mailing
from services.validation.queries import DomainKey, lock_domains
from services.validation.rules.adn import leads_to
from services.validation.rules.contacts import MailWish, constructed
from services.validation.rules.letter import GIVE_UP_AFTER
from services.validation.rules.methods import CONSTRUCTED, EMAIL, METHODS
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from services.validation.rules.text import quoted
from services.validation.rules.tokens import fingerprint, random_value
from shared.db import add, at_end, lock_all, locked, wake_at_commit
from shared.errors import Rejected
from shared.ids import new_id

LEASE = timedelta(minutes=2)
# From one account to one address within a day, about whatever domains: nobody's mailbox is filled by us, and no account
# uses up what another one needs.
MOST_A_DAY = 50
TOO_MANY = "This address got as many mails of ours today as it may get; send it again tomorrow."

MailKey = tuple[str, str]  # section, recipient


@dataclass(frozen=True, slots=True)
class Task:
    """Whose contacts are to be looked up."""

    token_id: UUID
    attempt_id: UUID
    key: DomainKey
    adn: str


@dataclass(frozen=True, slots=True)
class Contacts:
    """`addresses` by section, `fault` where DNS gave no answer that can be trusted."""

    task: Task
    found_at: datetime
    addresses: Mapping[str, Sequence[str]]
    fault: str | None


def require_scope(policy: Policy, name: str, scope: str | None) -> None:
    """The name itself or what it may be pruned to, never above the base domain (EM1, AD3)."""
    if scope and not leads_to(Name(name), METHODS[CONSTRUCTED], policy.suffixes, scope):
        raise Rejected(
            f"Mails about {name} cannot go to {quoted(scope)}: name_scope is the domain itself or one above it, down "
            "to the registered domain.", "invalid_name_scope",
        )  # fmt: skip


def begin_mailing(tx: AsyncSession, attempt: Attempt, wish: MailWish, now: datetime) -> None:
    """Nothing is sent in a transaction: a worker does."""
    mailing = Mailing(
        token_id=attempt.token_id, attempt_id=attempt.id, account_id=attempt.account_id, name=attempt.name,
        adn=attempt.name_scope or attempt.name, only=list(wish.only), held=not wish.send, due_at=now, tries=0,
        fault=None, created_at=now, asked=0, asked_at=now if attempt.name_scope else None,
    )  # fmt: skip
    add(tx, mailing)
    wake_at_commit(tx)


def forget_mails(tx: AsyncSession, attempt: Attempt) -> None:
    """With the token they belong to: what they hold confirms nothing any more (TK3), and only its hash stays (TK7)."""
    if attempt.method == EMAIL:
        tx.info.setdefault("forgotten_mails", []).append(attempt.token_id)
        at_end(tx, _forget)


async def _forget(tx: AsyncSession) -> None:
    gone: list[UUID] = tx.info.pop("forgotten_mails", [])
    await tx.flush()
    over = {"due_at": None}
    mails = update(DcvMail).where(DcvMail.token_id.in_(gone)).values(value=None, text=None, **over)
    await tx.execute(mails.execution_options(synchronize_session=False))
    mailings = update(Mailing).where(Mailing.token_id.in_(gone)).values(**over)
    await tx.execute(mailings.execution_options(synchronize_session=False))


async def claim_mailings(tx: AsyncSession, now: datetime, limit: int) -> list[Task]:
    due = (
        select(Mailing.token_id)
        .where(Mailing.due_at <= now)
        .order_by(Mailing.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = await tx.execute(
        update(Mailing)
        .where(Mailing.token_id.in_(due))
        .values(due_at=now + LEASE, tries=Mailing.tries + 1)
        .returning(Mailing.token_id, Mailing.attempt_id, Mailing.account_id, Mailing.name, Mailing.adn)
        .execution_options(synchronize_session=False)
    )
    return [Task(row.token_id, row.attempt_id, (row.account_id, row.name), row.adn) for row in claimed]


async def write_mails(tx: AsyncSession, found: Sequence[Contacts], now: datetime) -> None:
    """One to each address, with a value of its own (EM4). What the attempt's token outlived is not written."""
    await lock_domains(tx, {one.task.key for one in found})
    await lock_all(tx, Attempt, [one.task.attempt_id for one in found])
    await lock_all(tx, Mailing, [one.task.token_id for one in found])
    written = await _written(tx, [one.task.token_id for one in found])
    busy = await _busy(tx, found, now)
    for one in found:
        mailing = await locked(tx, Mailing, one.task.token_id)
        attempt = await locked(tx, Attempt, one.task.attempt_id)
        if attempt.closed_at or attempt.token_id != mailing.token_id:
            mailing.due_at = None
            continue
        mailing.looked(one.fault, now)
        for mail in _missing(one, mailing, attempt, written.get(mailing.token_id, set()), now):
            _hold_back(mail, busy, now)
            add(tx, mail)
    wake_at_commit(tx)


async def _written(tx: AsyncSession, token_ids: Sequence[UUID]) -> dict[UUID, set[MailKey]]:
    query = select(DcvMail.token_id, DcvMail.section, DcvMail.recipient).where(DcvMail.token_id.in_(token_ids))
    there: dict[UUID, set[MailKey]] = {}
    for token_id, section, recipient in await tx.execute(query):
        there.setdefault(token_id, set()).add((section, recipient))
    return there


async def _busy(tx: AsyncSession, found: Sequence[Contacts], now: datetime) -> set[tuple[int, str]]:
    """Addresses that had their share of an account today."""
    accounts = {one.task.key[0] for one in found}
    asked = {address for one in found for _, address in _addresses(one)}
    counted = (
        select(DcvMail.account_id, DcvMail.recipient)
        .where(DcvMail.account_id.in_(accounts), DcvMail.recipient.in_(asked))
        .where(DcvMail.created_at > now - timedelta(days=1), or_(DcvMail.sent > 0, DcvMail.due_at.is_not(None)))
        .group_by(DcvMail.account_id, DcvMail.recipient)
        .having(func.count() >= MOST_A_DAY)
    )
    return {(row.account_id, row.recipient) for row in await tx.execute(counted)}


def _addresses(one: Contacts) -> list[MailKey]:
    fixed = [(CONSTRUCTED, address) for address in constructed(one.task.adn)]
    return [*fixed, *((section, address) for section, them in one.addresses.items() for address in them)]


def _missing(
    one: Contacts, mailing: Mailing, attempt: Attempt, there: set[MailKey], now: datetime
) -> list[DcvMail]:  # fmt: skip
    everybody = _addresses(one)
    known = {address.casefold() for _, address in [*everybody, *there]}
    made = []
    for section, recipient in everybody:
        if (section, recipient) in there:
            continue
        value = random_value()
        made.append(DcvMail(
            id=new_id(), attempt_id=attempt.id, token_id=attempt.token_id, account_id=attempt.account_id,
            name=attempt.name, adn=mailing.adn, section=section, recipient=recipient,
            found_at=None if section == CONSTRUCTED else one.found_at, value=value, sha256=fingerprint(value),
            created_at=now, due_at=now if mailing.wants(recipient, known) else None, give_up_at=now + GIVE_UP_AFTER,
            tries=0, sent=0, encrypted=False,
        ))  # fmt: skip
    return made


def _hold_back(mail: DcvMail, busy: set[tuple[int, str]], now: datetime) -> None:
    if mail.due_at and (mail.account_id, mail.recipient) in busy:
        mail.mark_failed(TOO_MANY, True, now)
