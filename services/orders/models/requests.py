from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.base import LAST_ID, Base
from services.orders.models.cancelling import CancelWish
from services.orders.models.issuance import IssuanceFacts
from services.orders.models.money import MoneyFacts
from services.orders.models.names import RequestName
from shared.errors import Rejected

if TYPE_CHECKING:
    from services.orders.models.orders import CertificateOrder

UNDECIDED = text("closed_at IS NULL AND approved_at IS NULL")
NEW, REISSUE, DUPLICATE, REVOKE = "new_request", "reissue", "duplicate", "revoke"


class OrderRequest(IssuanceFacts, CancelWish, MoneyFacts, Base):
    """A wish on an order, with its own approval; where it asks for a certificate, with the way to it. What billing says
    of it is about the names it adds: what the order itself costs stands on the order. Guarded by the lock on its
    order's row."""

    __tablename__ = "order_request"
    __table_args__ = (
        Index("ix_order_request_order_id", "order_id", "id"),
        Index("ix_order_request_ask_again_at", "ask_again_at", postgresql_where="closed_at IS NULL"),
        Index("ix_order_request_issue_before", "issue_before", postgresql_where="closed_at IS NULL"),
        Index("ix_order_request_cancel_due_at", "cancel_due_at", postgresql_where="closed_at IS NULL"),
        Index("ix_order_request_account_id", "account_id", "id"),
        Index("ix_order_request_undecided", "account_id", "id", postgresql_where=UNDECIDED),
        Index("ix_order_request_type_requested_at", "type", "requested_at", postgresql_where=UNDECIDED),
    )

    id: Mapped[int] = mapped_column(Identity(start=900001, maxvalue=LAST_ID), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
    type: Mapped[str]
    requested_at: Mapped[datetime]
    requested_by: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    comments: Mapped[str | None]
    approved_by: Mapped[str | None]
    rejected_at: Mapped[datetime | None]
    rejected_by: Mapped[str | None]
    processor_id: Mapped[int | None]  # the user who decided
    processor_comment: Mapped[str | None]
    escalated_at: Mapped[datetime | None]  # nobody of the account decided: it is for the CA's staff now

    names_added: Mapped[list[str] | None]  # those of a reissue that are more than was paid
    revokes_id: Mapped[int | None]  # the certificate to be revoked; without it all of the order
    revocation_reason: Mapped[str | None]

    names: Mapped[list[RequestName]] = relationship(lazy="selectin", order_by=RequestName.position)
    order: Mapped["CertificateOrder"] = relationship(back_populates="requests")

    @property
    def status(self) -> str:
        if self.rejected_at:
            return "rejected"
        return "approved" if self.approved_at else "pending"

    @property
    def is_paid(self) -> bool:
        """Reissues and duplicates are free within what was paid."""
        if self.type == NEW:
            return self.order.paid_at is not None
        return self.paid_at is not None or not self.names_added

    @property
    def wildcards_added(self) -> int:
        return sum(name.startswith("*.") for name in self.names_added or ())

    @property
    def fqdns_added(self) -> int:
        return len(self.names_added or ()) - self.wildcards_added

    def approve(self, who: str, now: datetime) -> bool:
        if self.approved_at and not self.rejected_at:
            return False
        self.refuse_when_closed("approved")
        self.approved_at, self.approved_by = now, who
        return True

    def reject(self, who: str, reason: str, now: datetime) -> bool:
        if self.rejected_at:
            return False
        self.refuse_when_closed("rejected")
        self.close_rejected(who, reason, now)
        return True

    def cancel_later(self, who: str, note: str, now: datetime, rejects: bool = False) -> bool:
        """An outside CA may have issued already: it answers, or its time runs out, before the request is closed."""
        if self.closed_at or self.permitted_until is None or not self.is_with_outside_ca(now):
            return False
        if not rejects:
            ask_why(note, f"{'order' if self.type == NEW else self.type} is canceled")
        return self.wish_cancel(who, note, self.permitted_until, now, rejects)

    def close_rejected(self, who: str, reason: str, now: datetime) -> None:
        self.rejected_at, self.rejected_by, self.processor_comment, self.closed_at = now, who, reason, now
        self.order.note_closed(self, now)

    def refuse_when_closed(self, wish: str) -> None:
        if self.type == NEW:
            return self.order.refuse_when_closed(wish)
        if self.closed_at:
            raise Rejected(
                f"Request {self.id} is {'done' if self.approved_at else 'rejected'} and can no longer be {wish}; "
                "only a request that is still open can be.",
                "invalid_state",
            )
        return None


def ask_why(reason: str, deed: str) -> None:
    if not reason.strip():
        raise Rejected(f"Say why the {deed}; the account's people read it on the order's page.")
