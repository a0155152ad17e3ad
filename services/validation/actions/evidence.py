"""What a look saw, and the row that keeps it (EV1–EV4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.models import Attempt, Domain, Evidence
from services.validation.queries import DomainKey
from services.validation.rules.dns_change import Seen
from services.validation.rules.methods import OFFERED
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.policy import POLICY_VERSION, SOFTWARE, Policy
from services.validation.rules.tokens import Token, fingerprint
from shared.db import append


@dataclass(frozen=True, slots=True)
class Claim:
    attempt_id: UUID
    account_id: int
    name: str
    method: str
    token_id: UUID


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen for a claim; `started_at` is the earliest datum (EV10)."""

    claim: Claim
    seen: Sequence[Seen]
    started_at: datetime
    finished_at: datetime

    @property
    def key(self) -> DomainKey:
        return self.claim.account_id, self.claim.name


@dataclass(frozen=True, slots=True)
class Finding:
    """A look, judged under the locks by the tokens that live now."""

    id: UUID
    look: Look
    verdict: Verdict
    token: Token
    superseded: bool

    @property
    def proves(self) -> bool:
        return self.verdict.outcome is Outcome.PASS and not self.superseded

    @property
    def validation_key(self) -> tuple[int, str, str]:
        claim = self.look.claim
        return claim.account_id, self.verdict.adn or claim.name, OFFERED[claim.method].section


def keep_evidence(tx: AsyncSession, policy: Policy, domain: Domain, attempt: Attempt, finding: Finding) -> None:
    look, verdict, token = finding.look, finding.verdict, finding.token
    append(
        tx,
        Evidence,
        id=finding.id,
        account_id=domain.account_id,
        domain_id=domain.id,
        attempt_id=attempt.id,
        name=domain.name,
        requested=attempt.requested,
        method=OFFERED[attempt.method].section,
        adn=verdict.adn,
        derivation=list(verdict.steps),
        place=verdict.place,
        token_sha256=fingerprint(token.value) if token.value else attempt.token_sha256,
        token_created_at=token.created_at,
        observed_at=look.started_at,
        finished_at=look.finished_at,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        message=verdict.message,
        superseded=finding.superseded,
        queries=[answer.as_evidence() for _, answer in look.seen],
        perspective="primary",
        resolver_configuration=policy.resolver_configuration,
        suffixes_version=policy.suffixes.version,
        software_version=SOFTWARE,
        policy_version=POLICY_VERSION,
        recorded_by="worker",
        test_mode=policy.test_mode,
    )
