"""CAA checks: read while they may be relied on, kept for good."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.reports import as_row
from services.validation.models import CaaCheck, CaaPerspective
from services.validation.rules.caa import LABELS
from services.validation.rules.caa_quorum import Finding, Reading, find
from services.validation.rules.corroboration import Report
from services.validation.rules.looking import Observation
from services.validation.rules.names import Name
from services.validation.rules.policy import POLICY_VERSION, SOFTWARE, Policy
from shared.db import append

# BR: within max(TTL, 8 h) of the check. Ours ends an hour earlier, whatever the TTL (CA2).
CAA_LIFE = timedelta(hours=7)

NameKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class CaaLook:
    """What was seen of CAA for one name; `reports` is None where the others were not asked."""

    id: UUID
    account_id: int
    name: Name
    primary: Observation
    reports: tuple[Report, ...] | None


@dataclass(frozen=True, slots=True)
class CaaStanding:
    """A check, as an issuance may rely on it."""

    id: UUID
    checked_at: datetime
    permits: frozenset[str]
    message: str
    decided_at: str | None

    @property
    def usable_until(self) -> datetime:
        return self.checked_at + CAA_LIFE


def reading(policy: Policy, account_id: int, name: Name) -> Reading:
    return Reading(name, policy.issuer(account_id), policy.local_tlds)


async def fresh_checks(
    tx: AsyncSession, policy: Policy, keys: Collection[NameKey], now: datetime
) -> Mapping[NameKey, CaaStanding]:
    """The newest of each name, if it permits every method: one that forbids or narrows is looked at again, for it may
    have been mended."""
    newest = (
        select(CaaCheck)
        .where(tuple_(CaaCheck.account_id, CaaCheck.name).in_(keys), CaaCheck.checked_at >= now - CAA_LIFE)
        .ext(distinct_on(CaaCheck.account_id, CaaCheck.name))
        .order_by(CaaCheck.account_id, CaaCheck.name, CaaCheck.checked_at.desc())
    )
    rows = await tx.scalars(newest)
    return {(row.account_id, row.name): _standing(row) for row in rows if _is_reusable(policy, row, now)}


def _is_reusable(policy: Policy, row: CaaCheck, now: datetime) -> bool:
    return row.checked_at <= now and set(row.permits) == set(LABELS) and policy.accepts(row.test_mode)


def _standing(row: CaaCheck) -> CaaStanding:
    return CaaStanding(row.id, row.checked_at, frozenset(row.permits), row.message, row.decided_at)


def keep_checks(
    tx: AsyncSession, policy: Policy, question_id: UUID, looks: Sequence[CaaLook]
) -> dict[str, CaaStanding]:
    return {look.name.certified: _keep(tx, policy, question_id, look) for look in looks}


def _keep(tx: AsyncSession, policy: Policy, question_id: UUID, look: CaaLook) -> CaaStanding:
    found = find(reading(policy, look.account_id, look.name), look.primary, look.reports)
    ruling = found.ruling
    append(
        tx,
        CaaCheck,
        id=look.id,
        account_id=look.account_id,
        name=look.name.certified,
        question_id=question_id,
        checked_at=look.primary.started_at,
        finished_at=look.primary.finished_at,
        permits=sorted(ruling.permits),
        outcome=ruling.outcome.value,
        reason=ruling.reason,
        message=ruling.message,
        decided_at=ruling.decided_at,
        perspective=look.primary.perspective,
        quorum=str(found.quorum) if found.quorum else None,
        queries=look.primary.as_evidence(),
        resolver_configuration=policy.resolver_configuration,
        software_version=SOFTWARE,
        policy_version=POLICY_VERSION,
        test_mode=policy.test_mode,
    )
    for one in look.reports or ():
        _keep_report(tx, look.id, one, found)
    return CaaStanding(look.id, look.primary.started_at, ruling.permits, ruling.message, ruling.decided_at)


def _keep_report(tx: AsyncSession, check_id: UUID, one: Report, found: Finding) -> None:
    corroborates = found.quorum is not None and one.perspective in found.quorum.agreeing
    ruling = found.remotes.get(one.perspective)
    said = (ruling.outcome, ruling.reason, ruling.message) if ruling else (None, "", "")
    append(tx, CaaPerspective, caa_check_id=check_id, **as_row(one, corroborates, *said))
