"""What happened to a domain: its attempts, the values that died before them, and what proved it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Attempt, Domain, Evidence, EvidencePerspective, PastToken
from services.validation.rules.outcomes import Outcome

ATTEMPTS = 20


@dataclass(frozen=True)
class Past:
    attempt: Attempt
    tokens: Sequence[PastToken]
    proof: Any  # the look that proved it, or None


async def history(tx: AsyncSession, domain: Domain, limit: int = ATTEMPTS) -> list[Past]:
    """The newest first; three queries."""
    attempts = (await tx.scalars(
        select(Attempt).where(Attempt.domain_id == domain.id).order_by(Attempt.opened_at.desc()).limit(limit)
    )).all()  # fmt: skip
    ids = [attempt.id for attempt in attempts]
    tokens: dict[Any, list[PastToken]] = {}
    for token in await tx.scalars(
        select(PastToken).where(PastToken.attempt_id.in_(ids)).order_by(PastToken.created_at)
    ):
        tokens.setdefault(token.attempt_id, []).append(token)
    proofs = await _proofs(tx, ids)
    return [Past(attempt, tokens.get(attempt.id, []), proofs.get(attempt.id)) for attempt in attempts]


async def _proofs(tx: AsyncSession, attempt_ids: Sequence[Any]) -> dict[Any, Any]:
    columns = (Evidence.attempt_id, Evidence.id, Evidence.method, Evidence.adn, Evidence.place, Evidence.observed_at)
    rows = await tx.execute(
        select(*columns).where(
            Evidence.attempt_id.in_(attempt_ids), Evidence.outcome == Outcome.PASS.value, ~Evidence.superseded
        )
    )
    return {row.attempt_id: row for row in rows}


async def last_look(tx: AsyncSession, attempt: Attempt) -> Evidence | None:
    query = select(Evidence).where(Evidence.attempt_id == attempt.id, ~Evidence.superseded)
    return (await tx.scalars(query.order_by(Evidence.id.desc()).limit(1))).first()


async def perspectives_of(tx: AsyncSession, look: Evidence) -> Sequence[EvidencePerspective]:
    """What the others saw, where they were asked."""
    query = select(EvidencePerspective).where(EvidencePerspective.evidence_id == look.id)
    return (await tx.scalars(query.order_by(EvidencePerspective.perspective))).all()
