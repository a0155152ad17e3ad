from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base
from shared.events.validation import DcvMethodChanged, DomainSubmitted, DomainValidated, DomainValidationFailed

# Names turned round, so that what they end with is found by an index; and their labels, alone for operators and with
# their account for everybody else, so that what a label begins with is found without reading names of others.
REVERSED = text("reverse(name)")
LEXEMES: Any = literal_column(
    "array_to_tsvector(string_to_array(name, '.'::text) || string_to_array((account_id::text || '/'::text)"
    " || replace(name, '.'::text, ('.'::text || account_id::text) || '/'::text), '.'::text))"
)


class RequestName(Base):
    """A name that a request asks for and what is known of its proof. Guarded by the lock on its order's row."""

    __tablename__ = "request_name"
    __table_args__ = (
        Index("ix_request_name_order_id", "order_id"),
        Index("ix_request_name_account_id_name", "account_id", "name"),
        Index("ix_request_name_name", "name"),
        Index("ix_request_name_account_id_reversed", "account_id", REVERSED),
        Index("ix_request_name_reversed", REVERSED),
        Index("ix_request_name_lexemes", LEXEMES, postgresql_using="gin"),
    )

    request_id: Mapped[int] = mapped_column(ForeignKey("order_request.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    account_id: Mapped[int]
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
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
    caa_warning: Mapped[str | None]
    failure: Mapped[str | None]
    failure_final: Mapped[bool] = mapped_column(default=False)
    checks: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]

    def is_proven(self, now: datetime) -> bool:
        return self.usable_until is not None and now < self.usable_until

    def note_submitted(self, event: DomainSubmitted | DcvMethodChanged) -> bool:
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
        self.caa_warning = event.caa_warning
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
