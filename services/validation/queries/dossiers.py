"""What the permissions to issue relied on, gathered (EV9): by order, or by the serial number of a certificate."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from services.validation.models import (
    CaaCheck,
    CaaPerspective,
    Evidence,
    EvidencePerspective,
    IssuanceQuestion,
    IssuanceReliance,
    IssuedCertificate,
    OrderNeed,
)
from services.validation.rules.serials import as_stored
from shared.access import Caller
from shared.errors import NotFound
from shared.events.base import OrderRef

# The newest ones; an order is asked about again while something is missing.
QUESTIONS = 20

Seen = TypeVar("Seen", EvidencePerspective, CaaPerspective)


@dataclass(frozen=True)
class Dossier:
    """`division_id` and `user_id` are None where the order was another system's and told none."""

    order: OrderRef
    account_id: int
    division_id: int | None
    user_id: int | None
    certificates: Sequence[IssuedCertificate]
    questions: Sequence[IssuanceQuestion]
    reliances: Mapping[UUID, Sequence[IssuanceReliance]]
    evidence: Sequence[Evidence]
    caa: Sequence[CaaCheck]
    perspectives: Mapping[UUID, Sequence[EvidencePerspective | CaaPerspective]]


async def order_seen_by(tx: AsyncSession, caller: Caller, order: OrderRef) -> Dossier:
    dossier = await of_order(tx, order)
    if not may_see(caller, dossier):
        raise no_order(order)
    return dossier


async def certificate_seen_by(tx: AsyncSession, caller: Caller, source: str, serial_number: str) -> Dossier:
    dossier = await of_certificate(tx, source, as_stored(serial_number))
    if not may_see(caller, dossier):
        raise no_certificate()
    return dossier


def may_see(caller: Caller, dossier: Dossier) -> bool:
    """Of an order that told no division, whoever may see them all; a limited user sees its own orders alone."""
    if caller.role == "limited_user" and dossier.user_id != caller.user_id:
        return False
    if dossier.division_id is not None:
        return caller.may_see(dossier.account_id, dossier.division_id)
    return caller.is_operator or (caller.account_id == dossier.account_id and not caller.divisions)


async def of_order(tx: AsyncSession, order: OrderRef) -> Dossier:
    """Its latest questions, those that were denied included."""
    needs = (await tx.scalars(
        select(OrderNeed).where(OrderNeed.source == order.source, OrderNeed.order_id == order.id)
        .order_by(OrderNeed.request_id).limit(QUESTIONS)
    )).all()  # fmt: skip
    questions = (await tx.scalars(
        select(IssuanceQuestion)
        .where(IssuanceQuestion.source == order.source, IssuanceQuestion.order_id == order.id)
        .order_by(IssuanceQuestion.asked_at.desc(), IssuanceQuestion.id.desc()).limit(QUESTIONS)
    )).all()  # fmt: skip
    account_id = next((row.account_id for rows in (needs, questions) for row in rows), None)
    if account_id is None:
        raise no_order(order)
    return await _gathered(tx, order, account_id, needs, questions)


def no_order(order: OrderRef) -> NotFound:
    return NotFound(f"There is no order {order.id} whose names were proven here.")


def no_certificate() -> NotFound:
    return NotFound("There is no certificate with this serial number whose names were proven here.")


async def of_certificate(tx: AsyncSession, source: str, serial_number: str) -> Dossier:
    """What that certificate relied on: the last permission that its order, or its reissue, had before."""
    issued = (await tx.scalars(
        select(IssuedCertificate)
        .where(IssuedCertificate.serial_number == serial_number, IssuedCertificate.source == source)
        .order_by(IssuedCertificate.issued_at.desc()).limit(1)
    )).first()  # fmt: skip
    if issued is None:
        raise no_certificate()
    permission = (await tx.scalars(
        select(IssuanceQuestion).where(
            IssuanceQuestion.source == source, IssuanceQuestion.order_id == issued.order_id,
            IssuanceQuestion.request_id.is_not_distinct_from(issued.request_id),
            IssuanceQuestion.issue_before.is_not(None), IssuanceQuestion.answered_at <= issued.issued_at,
        ).order_by(IssuanceQuestion.answered_at.desc()).limit(1)
    )).all()  # fmt: skip
    order = OrderRef(source=source, id=issued.order_id)
    query = select(OrderNeed).where(OrderNeed.source == source, OrderNeed.order_id == issued.order_id).limit(QUESTIONS)
    return await _gathered(tx, order, issued.account_id, (await tx.scalars(query)).all(), permission, [issued])


async def _gathered(
    tx: AsyncSession,
    order: OrderRef,
    account_id: int,
    needs: Sequence[OrderNeed],
    questions: Sequence[IssuanceQuestion],
    certificates: Sequence[IssuedCertificate] | None = None,
) -> Dossier:
    ids = [question.id for question in questions]
    reliances = (await tx.scalars(
        select(IssuanceReliance).where(IssuanceReliance.question_id.in_(ids)).order_by(IssuanceReliance.name)
    )).all()  # fmt: skip
    evidence = await _rows(tx, Evidence, {row.evidence_id for row in reliances})
    asked = (await tx.scalars(select(CaaCheck.id).where(CaaCheck.question_id.in_(ids)))).all()
    checks = await _rows(tx, CaaCheck, {*asked, *(row.caa_check_id for row in reliances)})
    told = await _told(tx, EvidencePerspective, EvidencePerspective.evidence_id, [row.id for row in evidence])
    told |= await _told(tx, CaaPerspective, CaaPerspective.caa_check_id, [row.id for row in checks])
    by_question = defaultdict(list)
    for row in reliances:
        by_question[row.question_id].append(row)
    division_id = next((need.division_id for need in needs if need.division_id), None)
    user_id = next((need.user_id for need in needs if need.user_id), None)
    issued = certificates if certificates is not None else await _certificates(tx, order)
    return Dossier(order, account_id, division_id, user_id, issued, questions, by_question, evidence, checks, told)


async def _rows(tx: AsyncSession, model: type[Any], ids: Collection[UUID]) -> Sequence[Any]:
    """UUIDs of version 7: by id is by time."""
    return (await tx.scalars(select(model).where(model.id.in_(ids)).order_by(model.id))).all()


async def _told(
    tx: AsyncSession, model: type[Seen], owner: InstrumentedAttribute[UUID], ids: Collection[UUID]
) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row, key in await tx.execute(select(model, owner).where(owner.in_(ids)).order_by(owner, model.perspective)):
        found[key].append(row)
    return found


async def _certificates(tx: AsyncSession, order: OrderRef) -> Sequence[IssuedCertificate]:
    query = select(IssuedCertificate).where(
        IssuedCertificate.source == order.source, IssuedCertificate.order_id == order.id
    )
    return (await tx.scalars(query.order_by(IssuedCertificate.issued_at.desc()).limit(QUESTIONS))).all()
