from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.base import LAST_ID, Base
from services.orders.models.money import MoneyFacts
from services.orders.models.names import OrderName
from services.orders.rules.validity import Span
from shared.errors import Rejected
from shared.events.validation import IssuanceAuthorized, IssuanceDenied

ASK_AGAIN = timedelta(hours=1)  # after a denial, and when no answer came
SIGNING_LEASE = timedelta(minutes=1)


class CertificateOrder(MoneyFacts, Base):
    """Facts, each noted by itself, for between topics nothing is ordered; the state is derived from them."""

    __tablename__ = "certificate_order"
    __table_args__ = (
        Index("ix_certificate_order_account_id", "account_id", "id"),
        Index("ix_certificate_order_division_id", "division_id", "id"),
        Index("ix_certificate_order_ask_again_at", "ask_again_at", postgresql_where="closed_at IS NULL"),
        Index("ix_certificate_order_issue_before", "issue_before", postgresql_where="closed_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(Identity(start=100001, maxvalue=LAST_ID), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    division_id: Mapped[int] = mapped_column(ForeignKey("division.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    product_name_id: Mapped[str]
    term_years: Mapped[int | None]
    term_days: Mapped[int | None]
    term_ends_on: Mapped[date | None]
    certificate_days: Mapped[int | None]
    certificate_ends_on: Mapped[date | None]
    common_name: Mapped[str] = mapped_column(index=True)
    csr: Mapped[str]
    key: Mapped[str]
    signature_hash: Mapped[str]
    server_platform_id: Mapped[int | None]
    payment_method: Mapped[str]
    purchase_order_number: Mapped[str | None]
    dcv_method: Mapped[str]
    dcv_random_value: Mapped[str]
    comments: Mapped[str | None]

    placed_at: Mapped[datetime]
    placed_by: Mapped[str]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    rejected_at: Mapped[datetime | None]
    rejected_by: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[str | None]
    closing_note: Mapped[str | None]  # the reason of a rejection, the note of a cancellation
    asked_at: Mapped[datetime | None]
    ask_again_at: Mapped[datetime | None]
    evidence_changed_at: Mapped[datetime | None]
    authorized_at: Mapped[datetime | None]
    issue_before: Mapped[datetime | None]
    denied_at: Mapped[datetime | None]
    denials: Mapped[list[dict[str, Any]] | None]
    signing_until: Mapped[datetime | None]
    issue_failure: Mapped[str | None]
    issued_at: Mapped[datetime | None]
    certificate_id: Mapped[int | None]
    closed_at: Mapped[datetime | None]  # issued, rejected or cancelled: nothing more is awaited

    names: Mapped[list[OrderName]] = relationship(lazy="selectin", order_by=OrderName.position)

    @property
    def status(self) -> str:
        if self.issued_at:
            return "issued"
        if self.cancelled_at:
            return "canceled"
        return "rejected" if self.rejected_at else "pending"

    @property
    def request_status(self) -> str:
        if self.rejected_at or self.cancelled_at:
            return "rejected"
        return "approved" if self.approved_at else "pending"

    @property
    def dns_names(self) -> tuple[str, ...]:
        return tuple(name.name for name in self.names)

    @property
    def term(self) -> Span:
        return Span(self.term_years, self.term_days, self.term_ends_on)

    @property
    def certificate_span(self) -> Span | None:
        wished = self.certificate_days or self.certificate_ends_on
        return Span(days=self.certificate_days, ends_on=self.certificate_ends_on) if wished else None

    def approve(self, who: str, now: datetime) -> bool:
        if self.approved_at and not (self.rejected_at or self.cancelled_at):
            return False
        self._refuse_when_closed("approved")
        self.approved_at, self.approved_by = now, who
        return True

    def reject(self, who: str, reason: str, now: datetime) -> bool:
        if self.rejected_at:
            return False
        _ask_why(reason, "rejected")
        self._refuse_when_closed("rejected")
        self.rejected_at, self.rejected_by, self.closing_note, self.closed_at = now, who, reason, now
        return True

    def cancel(self, who: str, note: str, now: datetime) -> bool:
        if self.cancelled_at:
            return False
        _ask_why(note, "canceled")
        self._refuse_when_closed("canceled")
        self.cancelled_at, self.cancelled_by, self.closing_note, self.closed_at = now, who, note, now
        return True

    def _refuse_when_closed(self, wish: str) -> None:
        if self.closed_at:
            raise Rejected(
                f"Order {self.id} is {self.status} and can no longer be {wish}; "
                "only an order that is still pending can be approved, rejected or canceled.",
                "invalid_state",
            )

    def should_ask(self, now: datetime) -> bool:
        """Whether validation is to judge now: everything is there, and no answer is awaited or still good."""
        ready = self.approved_at and self.paid_at and not self.closed_at
        proven = all(name.is_proven(now) for name in self.names)
        return bool(ready and proven and (self.ask_again_at is None or now >= self.ask_again_at))

    def ask(self, now: datetime) -> None:
        self.asked_at, self.ask_again_at = now, now + ASK_AGAIN
        self.issue_before = None

    def note_evidence(self, now: datetime) -> None:
        """New evidence after a denial is a reason to ask at once."""
        self.evidence_changed_at = now
        if self.denied_at and self.issue_before is None:
            self.ask_again_at = now

    def note_authorized(self, event: IssuanceAuthorized, now: datetime) -> bool:
        covered = set(self.dns_names) <= set(event.names)
        if self.closed_at or self.asked_at is None or not covered or event.issue_before <= now:
            return False
        if self.issue_before and event.issue_before <= self.issue_before:
            return False
        self.authorized_at, self.issue_before, self.ask_again_at = now, event.issue_before, event.issue_before
        self.denied_at, self.denials = None, None
        return True

    def note_denied(self, event: IssuanceDenied, now: datetime) -> bool:
        if self.closed_at or self.asked_at is None:
            return False
        self.denied_at, self.denials, self.issue_before = now, [each.model_dump() for each in event.refused], None
        # Evidence that came while the question was under way: the answer may not have known it.
        is_outdated = self.evidence_changed_at is not None and self.evidence_changed_at > self.asked_at
        self.ask_again_at = now if is_outdated else now + ASK_AGAIN
        return True

    def may_issue(self, now: datetime) -> bool:
        permitted = self.approved_at and self.paid_at and not self.closed_at
        return bool(permitted and self.issue_before and now < self.issue_before)

    def claim_signing(self, now: datetime) -> None:
        self.signing_until = now + SIGNING_LEASE

    def record_issued(self, certificate_id: int, now: datetime) -> None:
        self.certificate_id, self.issued_at, self.closed_at = certificate_id, now, now
        self.signing_until, self.issue_failure = None, None


def _ask_why(reason: str, deed: str) -> None:
    if not reason.strip():
        raise Rejected(f"Say why the order is {deed}; the account's people read it on the order's page.")
