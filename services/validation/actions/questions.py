"""Whether an order may be issued: noted by the door, claimed by a worker, answered when CAA has been asked. No network
work goes on while a transaction is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.caa import CaaLook, CaaStanding, fresh_checks, keep_checks
from services.validation.actions.issuance import answer
from services.validation.models import IssuanceQuestion
from services.validation.queries import lock_for_judgement
from services.validation.rules.names import Name
from services.validation.rules.policy import Policy
from services.validation.rules.wanted import wanted
from shared.db import add, lock_all, locked, locked_or_none, wake_at_commit
from shared.events.validation import AuthorizeIssuance

# Longer than the primary and the others together may take.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was claimed. `kept`: CAA checks that are young enough; `missing`: names to look at."""

    id: UUID
    account_id: int
    kept: Mapping[str, CaaStanding]
    missing: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """`fault`: why nothing could be looked at."""

    asked: Asked
    looks: Sequence[CaaLook] = field(default=())
    fault: str | None = None


async def note_question(tx: AsyncSession, command: AuthorizeIssuance, now: datetime) -> None:
    """The same one told again, even when the inbox has forgotten it, changes nothing."""
    if await locked_or_none(tx, IssuanceQuestion, command.id):
        return
    question = IssuanceQuestion(
        id=command.id,
        cause=command.told_id,
        source=command.order.source,
        order_id=command.order.id,
        request_id=command.request_id,
        account_id=command.account_id,
        names=list(command.names),
        asked_at=now,
        refused=[],
    )
    add(tx, question)
    wake_at_commit(tx)


async def claim_questions(tx: AsyncSession, policy: Policy, now: datetime, limit: int) -> list[Asked]:
    """Oldest first; several workers share them."""
    free = or_(IssuanceQuestion.leased_until.is_(None), IssuanceQuestion.leased_until <= now)
    due = (
        select(IssuanceQuestion.id)
        .where(IssuanceQuestion.answered_at.is_(None), free)
        .order_by(IssuanceQuestion.asked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = await tx.execute(
        update(IssuanceQuestion)
        .where(IssuanceQuestion.id.in_(due))
        .values(leased_until=now + LEASE)
        .returning(IssuanceQuestion.id, IssuanceQuestion.account_id, IssuanceQuestion.names)
        .execution_options(synchronize_session=False)
    )
    rows = [(row.id, row.account_id, _certified(policy, row.names)) for row in claimed]
    keys = {(account_id, certified) for _, account_id, names in rows for certified in names}
    fresh = await fresh_checks(tx, policy, keys, now) if keys else {}
    return [_asked(*row, fresh) for row in rows]


def _certified(policy: Policy, names: Sequence[str]) -> dict[str, Name]:
    """Each name of the SAN on its own (CA1), less those that cannot be certified anyway."""
    return {name.certified: name for found in wanted(names, policy).domains.values() for name in found}


def _asked(id: UUID, account_id: int, names: Mapping[str, Name], fresh: Mapping[tuple[int, str], CaaStanding]) -> Asked:
    kept = {certified: fresh[account_id, certified] for certified in names if (account_id, certified) in fresh}
    return Asked(id, account_id, kept, tuple(name for certified, name in names.items() if certified not in kept))


async def answer_questions(tx: AsyncSession, policy: Policy, checked: Sequence[Checked], now: datetime) -> None:
    """Proof is judged at this moment, under the locks; a question that another worker answered meanwhile stays so."""
    await lock_all(tx, IssuanceQuestion, [one.asked.id for one in checked])
    open_ones = [(one, row) for one in checked if not (row := await _row(tx, one)).answered_at]
    await lock_for_judgement(tx, [row for _, row in open_ones], policy)
    for one, row in open_ones:
        standing = {**one.asked.kept, **keep_checks(tx, policy, row.id, one.looks)}
        await answer(tx, policy, row, standing, one.fault, now)


async def _row(tx: AsyncSession, one: Checked) -> IssuanceQuestion:
    return await locked(tx, IssuanceQuestion, one.asked.id)
