from datetime import datetime

from sqlalchemy import CheckConstraint, Index, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from shared.errors import Conflict, Denied

UNDECIDED = "num_nonnulls(approved_at, rejected_at, canceled_at) = 0"


class PurchaseOrder(Base):
    """A customer's wish to be invoiced: approved, it becomes one invoice that asks for a deposit."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        CheckConstraint("amount > 0", "amount"),
        CheckConstraint("num_nonnulls(approved_at, rejected_at, canceled_at) <= 1", "decided_once"),
        Index("ix_purchase_order_account_id_id", "account_id", "id"),
        Index("ix_purchase_order_division_id_id", "division_id", "id"),
        Index("ix_purchase_order_account_id_number", "account_id", "number"),
        Index(
            "ix_purchase_order_number_search",
            literal_column("lower(number)").label("lower_number"),
            "account_id",
            postgresql_ops={"lower_number": "text_pattern_ops"},
        ),
        Index("ix_purchase_order_submitted", "account_id", "submitted_at", "id"),
        Index("ix_purchase_order_approved", "account_id", "id", postgresql_where=text("approved_at IS NOT NULL")),
        Index("ix_purchase_order_not_approved", "account_id", "id", postgresql_where=text("approved_at IS NULL")),
        Index("ix_purchase_order_undecided", "id", postgresql_where=text(UNDECIDED)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    division_id: Mapped[int]
    division_name: Mapped[str]
    number: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    note: Mapped[str | None]
    contact: Mapped[str | None]
    submitted_at: Mapped[datetime]
    submitted_by: Mapped[str]
    approved_at: Mapped[datetime | None]
    rejected_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    reason: Mapped[str | None]

    @property
    def status(self) -> str:
        if self.approved_at:
            return "approved"
        if self.rejected_at:
            return "rejected"
        return "canceled" if self.canceled_at else "pending"

    def approve(self, who: str, now: datetime) -> None:
        if who == self.submitted_by:
            raise Denied("A purchase order is approved by somebody else than who submitted it; ask a colleague.")
        self._decide("approved", who)
        self.approved_at = now

    def reject(self, reason: str, who: str, now: datetime) -> None:
        self._decide("rejected", who)
        self.rejected_at, self.reason = now, reason

    def cancel(self, who: str, now: datetime) -> None:
        self._decide("canceled", who)
        self.canceled_at = now

    def _decide(self, wish: str, who: str) -> None:
        if self.status != "pending":
            raise Conflict(
                f"Purchase order {self.number} is {self.status} already and cannot be {wish}; submit a new one.",
                f"purchase_order_{self.status}",
            )
        self.decided_by = who
