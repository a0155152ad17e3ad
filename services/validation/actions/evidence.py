"""What a look saw, and the row that keeps it (EV1–EV4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation.actions.reports import as_row
from services.validation.models import Attempt, Domain, Evidence, EvidencePerspective
from services.validation.queries import DomainKey
from services.validation.rules.caa import Ruling
from services.validation.rules.caa_quorum import Reading
from services.validation.rules.contacts import Confirmed
from services.validation.rules.corroboration import Report
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import OFFERED
from services.validation.rules.outcomes import Outcome, Verdict
from services.validation.rules.policy import POLICY_VERSION, SOFTWARE, Policy
from services.validation.rules.quorum import Quorum
from services.validation.rules.tokens import Token, fingerprint
from shared.db import append


@dataclass(frozen=True, slots=True)
class Claim:
    attempt_id: UUID
    account_id: int
    name: str
    method: str
    token_id: UUID
    wildcard: bool  # also asked for
    tokens: tuple[Token, ...]  # those alive when it was claimed; what counts is asked again when it is recorded
    confirmed: Confirmed | None = None  # the mail to be judged by


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen for a claim. `reports` is None where no others were asked, `caa` where nothing is proven."""

    claim: Claim
    job: Job
    primary: Observation
    reports: tuple[Report, ...] | None = None
    caa: Observation | None = None

    @property
    def observed_at(self) -> datetime:
        """The earliest datum of all (EV10)."""
        confirmed = self.claim.confirmed
        return min(self.primary.started_at, confirmed.observed_at) if confirmed else self.primary.started_at

    def as_evidence(self) -> list[dict[str, object]]:
        confirmed = self.claim.confirmed
        return [*([confirmed.as_evidence()] if confirmed else []), *self.primary.as_evidence()]

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
    quorum: Quorum | None = None
    remotes: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def proves(self) -> bool:
        return self.verdict.outcome is Outcome.PASS and not self.superseded

    @property
    def section(self) -> str:
        """What a mail proves by depends on whose address it went to."""
        confirmed = self.look.claim.confirmed
        return confirmed.contact.section if confirmed else OFFERED[self.look.claim.method].section

    @property
    def validation_key(self) -> tuple[int, str, str]:
        claim = self.look.claim
        return claim.account_id, self.verdict.adn or claim.name, self.section


def advice(policy: Policy, attempt: Attempt, finding: Finding) -> Ruling | None:
    """What CAA would say if a certificate were issued now; of the names wanted, the first that it stops (CA12)."""
    seen = finding.look.caa
    if seen is None:
        return None
    rulings = [Reading(name, policy.issuer(attempt.account_id), policy.local_tlds).of(seen) for name in attempt.names]
    return min(rulings, key=lambda ruling: len(ruling.permits))


def warning(finding: Finding, ruling: Ruling | None) -> str | None:
    if ruling is None or finding.section in ruling.permits:
        return None
    return f"Issuance would be stopped: {ruling.message}"


def keep_evidence(tx: AsyncSession, policy: Policy, domain: Domain, attempt: Attempt, finding: Finding) -> None:
    look, verdict, caa = finding.look, finding.verdict, advice(policy, attempt, finding)
    append(
        tx,
        Evidence,
        id=finding.id,
        account_id=domain.account_id,
        domain_id=domain.id,
        attempt_id=attempt.id,
        name=domain.name,
        requested=attempt.requested,
        method=finding.section,
        adn=verdict.adn,
        derivation=list(verdict.steps),
        place=verdict.place,
        token_sha256=_sha256(finding, attempt),
        token_created_at=look.claim.confirmed.created_at if look.claim.confirmed else finding.token.created_at,
        observed_at=look.observed_at,
        finished_at=look.primary.finished_at,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        message=verdict.message,
        superseded=finding.superseded,
        queries=look.as_evidence(),
        perspective=look.primary.perspective,
        quorum=str(finding.quorum) if finding.quorum else None,
        caa=_as_advice(caa, look.caa) if caa and look.caa else None,
        resolver_configuration=policy.resolver_configuration,
        suffixes_version=policy.suffixes.version,
        software_version=SOFTWARE,
        policy_version=POLICY_VERSION,
        recorded_by="worker",
        test_mode=policy.test_mode,
    )
    for one in look.reports or ():
        _keep_report(tx, one, finding)


def _sha256(finding: Finding, attempt: Attempt) -> str:
    if confirmed := finding.look.claim.confirmed:
        return confirmed.sha256
    return fingerprint(finding.token.value) if finding.token.value else attempt.token_sha256


def _keep_report(tx: AsyncSession, one: Report, finding: Finding) -> None:
    corroborates = finding.quorum is not None and one.perspective in finding.quorum.agreeing
    verdict = finding.remotes.get(one.perspective)
    said = (verdict.outcome, verdict.reason, verdict.message) if verdict else (None, "", "")
    append(tx, EvidencePerspective, evidence_id=finding.id, **as_row(one, corroborates, *said))


def _as_advice(ruling: Ruling, seen: Observation) -> dict[str, object]:
    return {
        "outcome": ruling.outcome.value,
        "reason": ruling.reason,
        "message": ruling.message,
        "decided_at": ruling.decided_at,
        "permits": sorted(ruling.permits),
        "queries": seen.as_evidence(),
    }
