from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base
from shared.events.validation import DomainSubmitted, DomainValidated, DomainValidationFailed


class OrderName(Base):
    """A name of an order and what is known of its proof. Guarded by the lock on its order's row."""

    __tablename__ = "order_name"

    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    domain: Mapped[str] = mapped_column(index=True)  # what is validated for it: the name without "*."
    domain_id: Mapped[int | None]
    record_name: Mapped[str | None]
    record_type: Mapped[str | None]
    record_value: Mapped[str | None]
    token_expires_at: Mapped[datetime | None]
    evidence_id: Mapped[UUID | None]
    validated_at: Mapped[datetime | None]
    usable_until: Mapped[datetime | None]
    test_mode: Mapped[bool] = mapped_column(default=False)
    failure: Mapped[str | None]
    failure_final: Mapped[bool] = mapped_column(default=False)
    checks: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]

    def is_proven(self, now: datetime) -> bool:
        return self.usable_until is not None and now < self.usable_until

    def note_submitted(self, event: DomainSubmitted) -> bool:
        if (self.record_name, self.record_value) == (event.record_name, event.record_value):
            return False
        self.domain_id = event.domain_id
        self.record_name, self.record_type, self.record_value = event.record_name, event.record_type, event.record_value
        self.token_expires_at = event.expires_at
        self.failure, self.failure_final = None, False
        return True

    def note_validated(self, event: DomainValidated) -> bool:
        """Older evidence than the one known changes nothing: topics may bring a replayed fact late."""
        if self.evidence_id == event.evidence_id or (self.usable_until and event.usable_until <= self.usable_until):
            return False
        self.domain_id, self.evidence_id, self.test_mode = event.domain_id, event.evidence_id, event.test_mode
        self.validated_at, self.usable_until = event.observed_at, event.usable_until
        self.failure, self.failure_final, self.next_check_at = None, False, None
        return True

    def note_failed(self, event: DomainValidationFailed) -> bool:
        """True where the sentence is news; the same finding of the next look only moves the figures."""
        if self.checked_at and event.occurred_at <= self.checked_at:
            return False
        news = (self.failure, self.failure_final) != (event.message, event.final)
        self.domain_id, self.failure, self.failure_final = event.domain_id, event.message, event.final
        self.checks, self.checked_at, self.next_check_at = event.checks, event.occurred_at, event.next_check_at
        return news
