from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Computed, ForeignKey, Identity, Index, Text, and_
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.base import LAST_ID, Base
from services.orders.models.money import MoneyFacts
from services.orders.models.organizations import Organization
from services.orders.models.requests import DUPLICATE, NEW, REISSUE, OrderRequest, ask_why
from services.orders.rules.checklist import Level
from services.orders.rules.issuance import Subject
from services.orders.rules.products import level_of
from services.orders.rules.subject import subject_of
from services.orders.rules.validity import Span
from shared.errors import Rejected

FOREVER = datetime.max.replace(tzinfo=UTC)
# The order's state as its facts say; the database derives it, for lists and their indexes.
STATE = """CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
     WHEN issued_at IS NOT NULL THEN CASE WHEN reissue_id IS NULL THEN 'issued' ELSE 'reissue_pending' END
     WHEN cancelled_at IS NOT NULL THEN 'canceled' WHEN rejected_at IS NOT NULL THEN 'rejected'
     WHEN ready_at IS NOT NULL THEN 'waiting_pickup' ELSE 'pending' END"""
RENEWS = "renewal_of_id IS NOT NULL AND rejected_at IS NULL AND cancelled_at IS NULL"
STATES = ("pending", "issued", "rejected", "revoked", "waiting_pickup", "reissue_pending", "canceled")


class CertificateOrder(MoneyFacts, Base):
    """What is bought. Facts, each noted by itself, for between topics nothing is ordered; the state is derived from
    them. What is wished of it are its requests."""

    __tablename__ = "certificate_order"
    __table_args__ = (
        Index("ix_certificate_order_account_id", "account_id", "id"),
        Index("ix_certificate_order_division_id", "division_id", "id"),
        Index(
            "ix_certificate_order_organization_id",
            "organization_id",
            "id",
            postgresql_where="organization_id IS NOT NULL",
        ),
        Index("ix_certificate_order_account_id_state", "account_id", "state", "id"),
        Index("ix_certificate_order_division_id_state", "division_id", "state", "id"),
        Index("ix_certificate_order_state", "state", "id"),
        Index("ix_certificate_order_user_id", "user_id", "id"),
        Index("ix_certificate_order_placed_at", "placed_at", "id"),
        Index("ix_certificate_order_account_id_placed_at", "account_id", "placed_at", "id"),
        Index("ix_certificate_order_account_id_valid_till", "account_id", "certificate_valid_till", "id"),
        Index("ix_certificate_order_account_id_common_name", "account_id", "common_name", "id"),
        Index("ix_certificate_order_account_id_product_name_id", "account_id", "product_name_id", "id"),
        Index("ix_certificate_order_invoice_number", "invoice_number"),
        Index("ix_certificate_order_status_changed_at", "status_changed_at", "id"),
        Index("ix_certificate_order_account_status", "account_id", "status_changed_at", "id"),
        Index("ix_certificate_order_renewal_of_id", "renewal_of_id", postgresql_where="renewal_of_id IS NOT NULL"),
        Index("ix_certificate_order_renewed", "account_id", "renewal_of_id", postgresql_where=RENEWS),
        Index("ix_certificate_order_account_id_silent", "account_id", "disable_renewal_notifications", "id"),
        Index("ix_certificate_order_silent", "id", postgresql_where="disable_renewal_notifications"),
    )

    id: Mapped[int] = mapped_column(Identity(start=100001, maxvalue=LAST_ID), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    division_id: Mapped[int] = mapped_column(ForeignKey("division.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    product_name_id: Mapped[str] = mapped_column(Text(collation="C"))
    term_years: Mapped[int | None]
    term_days: Mapped[int | None]
    term_ends_on: Mapped[date | None]
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    payment_method: Mapped[str]
    purchase_order_number: Mapped[str | None]
    placed_at: Mapped[datetime]
    placed_by: Mapped[str]
    fqdns_paid: Mapped[int]
    wildcards_paid: Mapped[int]

    auto_renew: Mapped[bool] = mapped_column(default=False)
    auto_reissue: Mapped[bool] = mapped_column(default=False)
    disable_renewal_notifications: Mapped[bool] = mapped_column(default=False)
    custom_renewal_message: Mapped[str | None]
    additional_emails: Mapped[list[str]]
    locale: Mapped[str | None]
    renewal_of_id: Mapped[int | None]
    bonus_days: Mapped[int]  # what was left of the order it renews, added free

    # The request whose certificate is the order's own, or will be, and the name it is known by.
    request_id: Mapped[int]
    common_name: Mapped[str] = mapped_column(Text(collation="C"), index=True)
    certificate_id: Mapped[int | None] = mapped_column(index=True)
    certificate_valid_till: Mapped[date | None]
    reissue_id: Mapped[int | None]  # the request that is to replace it
    valid_till: Mapped[date | None]  # the last day of the term, which begins with the first certificate
    reissues_count: Mapped[int] = mapped_column(default=0)
    duplicates_count: Mapped[int] = mapped_column(default=0)

    rejected_at: Mapped[datetime | None]
    rejected_by: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[str | None]
    closing_note: Mapped[str | None]  # the reason of a rejection, the note of a cancellation
    ready_at: Mapped[datetime | None]  # to be picked up by a CA
    issued_at: Mapped[datetime | None]  # its first certificate
    closed_at: Mapped[datetime | None]  # issued, rejected or cancelled: nothing more is awaited
    revoking_at: Mapped[datetime | None]  # all its certificates are to be revoked
    revoked_at: Mapped[datetime | None]  # all its certificates are
    status_changed_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text, Computed(STATE, persisted=True))

    organization: Mapped[Organization | None] = relationship(lazy="selectin")
    # Those that are open when it is locked, and those made since.
    requests: Mapped[list[OrderRequest]] = relationship(
        primaryjoin=lambda: and_(CertificateOrder.id == OrderRequest.order_id, OrderRequest.closed_at.is_(None)),
        order_by=OrderRequest.id,
        lazy="selectin",
        back_populates="order",
    )

    @property
    def level(self) -> Level | None:
        return level_of(self.product_name_id)

    @property
    def vetted_until(self) -> datetime | None:
        """Until when its organization may stand in a certificate; None where it needs one that is not validated."""
        if self.level is None:
            return FOREVER
        return self.organization.usable_until(self.level) if self.organization else None

    @property
    def subject(self) -> Subject | None:
        """Only ever from the record, and only while that holds."""
        record = self.organization.record if self.organization else None
        return subject_of(self.level, record.found) if self.level and record else None

    def is_vetted(self, now: datetime) -> bool:
        return self.vetted_until is not None and now < self.vetted_until

    @property
    def status(self) -> str:
        if self.issued_at:
            return "revoked" if self.revoked_at else "reissue_pending" if self.reissue_id else "issued"
        if self.cancelled_at:
            return "canceled"
        if self.rejected_at:
            return "rejected"
        return "waiting_pickup" if self.ready_at else "pending"

    @property
    def is_being_revoked(self) -> bool:
        """All its certificates are to be, and whoever issued them has not done it yet."""
        return self.revoking_at is not None and self.revoked_at is None

    @property
    def is_on_account(self) -> bool:
        """Owed, and invoiced with its month."""
        return self.paid_at is not None and self.payment_method == "on_account"

    @property
    def term(self) -> Span:
        return Span(self.term_years, self.term_days, self.term_ends_on)

    def ends_on(self, today: date) -> date:
        """The last day of what was bought; nothing is taken off for the time until the first certificate."""
        return self.valid_till or self.term.end(today) + timedelta(days=self.bonus_days)

    @property
    def open_requests(self) -> Sequence[OrderRequest]:
        return [request for request in self.requests if request.closed_at is None]

    def open_request(self, request_id: int) -> OrderRequest | None:
        return next((request for request in self.open_requests if request.id == request_id), None)

    @property
    def new_request(self) -> OrderRequest | None:
        return next((request for request in self.open_requests if request.type == NEW), None)

    def meant(self, request_id: int | None) -> Sequence[OrderRequest]:
        """The open request of this number; without one, all that are to be issued."""
        return [each for each in self.open_requests if each.issues and request_id in (None, each.id)]

    @property
    def reissue(self) -> OrderRequest | None:
        return self.open_request(self.reissue_id) if self.reissue_id else None

    def reject(self, who: str, reason: str, now: datetime) -> bool:
        if self.rejected_at:
            return False
        ask_why(reason, "order is rejected")
        self.refuse_when_closed("rejected")
        self.rejected_at, self.rejected_by = now, who
        self._close(who, reason, now)
        return True

    def cancel(self, who: str, note: str, now: datetime) -> bool:
        if self.cancelled_at:
            return False
        ask_why(note, "order is canceled")
        self.refuse_when_closed("canceled")
        self.cancelled_at, self.cancelled_by = now, who
        self._close(who, note, now)
        return True

    def _close(self, who: str, note: str, now: datetime) -> None:
        self.closing_note, self.closed_at, self.status_changed_at = note, now, now
        for request in self.open_requests:
            request.close_rejected(who, note, now)

    def refuse_when_closed(self, wish: str) -> None:
        if self.closed_at:
            raise Rejected(
                f"Order {self.id} is {self.status} and can no longer be {wish}; "
                "only an order that is still pending can be approved, rejected or canceled.",
                "invalid_state",
            )

    def refuse_unless_issued(self, wish: str, today: date) -> None:
        """More certificates, or none any more, are had of an order that has one and whose term runs."""
        if self.issued_at is None or self.revoking_at or self.revoked_at:
            status = "being revoked" if self.is_being_revoked else self.status
            raise Rejected(
                f"Order {self.id} is {status} and cannot be {wish}; only an issued order can be.", "invalid_state"
            )
        if self.ends_on(today) < today:
            raise Rejected(f"Order {self.id} ended on {self.valid_till}; renew it with a new order.", "invalid_state")

    def take_request(self, request: OrderRequest, now: datetime) -> None:
        if request.type == REISSUE:
            if self.reissue_id:
                raise Rejected(
                    f"Order {self.id} is being reissued already, by request {self.reissue_id}; "
                    "wait for its certificate, or cancel it first.",
                    "invalid_state",
                )
            self.reissue_id, self.status_changed_at = request.id, now
        self.requests.append(request)

    def reissues_itself(self, certificate_id: int) -> bool:
        """Where this is still its certificate, and nobody has begun to replace it."""
        return (
            self.auto_reissue
            and self.certificate_id == certificate_id
            and self.revoking_at is None
            and self.revoked_at is None
            and self.reissue_id is None
        )

    def note_closed(self, request: OrderRequest, now: datetime) -> None:
        """The order is again as it was before a reissue that comes to nothing."""
        if request.id == self.reissue_id:
            self.reissue_id, self.status_changed_at = None, now

    def note_ready(self, now: datetime) -> None:
        if not self.closed_at and not self.ready_at:
            self.ready_at = self.status_changed_at = now

    def note_not_ready(self, now: datetime) -> None:
        if self.ready_at and not self.closed_at:
            self.ready_at, self.status_changed_at = None, now

    def note_issued(self, request: OrderRequest, valid_till: date, now: datetime) -> None:
        """A duplicate stands beside the order's own certificate; a reissue replaces it."""
        if request.type == DUPLICATE:
            self.duplicates_count += 1
            return
        if request.type == REISSUE:
            self.reissues_count += 1
            self.fqdns_paid += request.fqdns_added
            self.wildcards_paid += request.wildcards_added
        self.request_id, self.certificate_id, self.common_name = request.id, request.certificate_id, request.common_name
        self.certificate_valid_till = valid_till
        self.valid_till = self.ends_on(now.date())
        self.issued_at, self.closed_at, self.status_changed_at = self.issued_at or now, self.closed_at or now, now
        self.note_closed(request, now)

    def want_revoked(self, now: datetime) -> None:
        self.revoking_at = self.revoking_at or now

    def note_revoked(self, now: datetime) -> None:
        if not self.revoked_at:
            self.revoked_at = self.status_changed_at = now
