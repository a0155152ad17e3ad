from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Mapped

from services.orders.models.names import RequestName
from services.orders.rules.issuers import EVENTS, Issuer
from services.orders.rules.received import Permission
from services.orders.rules.validity import Span
from shared.events.validation import IssuanceAuthorized, IssuanceDenied

if TYPE_CHECKING:
    from services.orders.models.orders import CertificateOrder

ASK_AGAIN = timedelta(hours=1)  # after a denial, and when no answer came


class IssuanceFacts:
    """The certificate that a request wishes and how far it is; a part of the request's row. All of it is empty where a
    request asks for none."""

    common_name: Mapped[str]
    csr: Mapped[str | None]
    key: Mapped[str | None]
    key_sha256: Mapped[str | None]  # of its SubjectPublicKeyInfo: the same key is known by it in any CSR
    signature_hash: Mapped[str | None]
    server_platform_id: Mapped[int | None]
    certificate_days: Mapped[int | None]
    certificate_ends_on: Mapped[date | None]
    dcv_method: Mapped[str | None]
    dcv_random_value: Mapped[str | None]

    approved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    cancel_wanted_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    ask_again_at: Mapped[datetime | None]
    evidence_changed_at: Mapped[datetime | None]
    authorized_at: Mapped[datetime | None]
    issue_before: Mapped[datetime | None]
    denied_at: Mapped[datetime | None]
    denials: Mapped[list[dict[str, Any]] | None]
    ready_at: Mapped[datetime | None]
    issuer: Mapped[str | None]  # who was told that it may issue
    permitted_from: Mapped[datetime | None]  # the last permission that a CA was told of; a new question keeps it
    permitted_until: Mapped[datetime | None]
    signing_until: Mapped[datetime | None]
    issue_failure: Mapped[str | None]
    issued_at: Mapped[datetime | None]
    certificate_id: Mapped[int | None]

    if TYPE_CHECKING:
        order: Mapped[CertificateOrder]
        names: Mapped[list[RequestName]]

        @property
        def is_paid(self) -> bool: ...

    @property
    def issues(self) -> bool:
        return self.csr is not None

    @property
    def dns_names(self) -> tuple[str, ...]:
        return tuple(name.name for name in self.names)

    @property
    def certificate_span(self) -> Span | None:
        wished = self.certificate_days or self.certificate_ends_on
        return Span(days=self.certificate_days, ends_on=self.certificate_ends_on) if wished else None

    def should_ask(self, now: datetime) -> bool:
        """Whether validation is to judge now: everything is there, and no answer is awaited or still good."""
        ready = self.issues and self.approved_at and self.is_paid and not self.closed_at
        ready = ready and not self.cancel_wanted_at and self.order.is_vetted(now)
        proven = all(name.is_proven(now) for name in self.names)
        return bool(ready and proven and (self.ask_again_at is None or now >= self.ask_again_at))

    def ask(self, now: datetime) -> None:
        self.asked_at, self.ask_again_at = now, now + ASK_AGAIN
        self._withdraw(now)

    def note_evidence(self, now: datetime) -> None:
        """New evidence after a denial is a reason to ask at once."""
        self.evidence_changed_at = now
        if self.denied_at and self.issue_before is None:
            self.ask_again_at = now

    def note_authorized(self, event: IssuanceAuthorized, now: datetime) -> bool:
        covered = set(self.dns_names) <= set(event.names)
        if self.closed_at or self.cancel_wanted_at or self.asked_at is None:
            return False
        if not covered or not self.order.is_vetted(now):
            return False
        until = min(event.issue_before, self.order.vetted_until or now)
        if until <= now or (self.issue_before and until <= self.issue_before):
            return False
        self.authorized_at, self.issue_before, self.ask_again_at = now, until, until
        self.denied_at, self.denials = None, None
        return True

    def note_denied(self, event: IssuanceDenied, now: datetime) -> bool:
        if self.closed_at or self.asked_at is None:
            return False
        self.denied_at, self.denials = now, [each.model_dump() for each in event.refused]
        self._withdraw(now)
        # Evidence that came while the question was under way: the answer may not have known it.
        is_outdated = self.evidence_changed_at is not None and self.evidence_changed_at > self.asked_at
        self.ask_again_at = now if is_outdated else now + ASK_AGAIN
        return True

    def note_ready(self, issuer: Issuer, now: datetime) -> None:
        """A CA is told that it may issue; until it does, the order waits to be picked up."""
        self.ready_at, self.issuer = now, issuer
        self.permitted_from, self.permitted_until = now, self.issue_before
        self.order.note_ready(now)

    def _withdraw(self, now: datetime) -> None:
        self.issue_before = None
        self.ready_at = None
        self.order.note_not_ready(now)

    def may_issue(self, now: datetime) -> bool:
        permitted = self.approved_at and self.is_paid and not self.closed_at and self.order.is_vetted(now)
        return bool(permitted and self.issue_before and now < self.issue_before)

    @property
    def permission(self) -> Permission | None:
        """In which a CA may have issued."""
        if self.permitted_from is None or self.permitted_until is None:
            return None
        return Permission(self.permitted_from, self.permitted_until)

    def is_with_outside_ca(self, now: datetime) -> bool:
        return self.issuer == EVENTS and self.permitted_until is not None and now < self.permitted_until

    def claim_signing(self, lease: timedelta, now: datetime) -> None:
        self.signing_until = now + lease

    def record_issued(self, certificate_id: int, now: datetime) -> None:
        self.certificate_id, self.issued_at, self.closed_at = certificate_id, now, now
        self.signing_until, self.issue_failure = None, None
