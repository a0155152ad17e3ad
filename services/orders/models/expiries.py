from datetime import date, datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base
from services.orders.rules.expiry import due_notice, next_notice


class Expiry(Base):
    """What is still to be said of a certificate's end, and when it is to be replaced by itself. Guarded by the lock on
    its order's row."""

    __tablename__ = "expiry"
    __table_args__ = (
        Index("ix_expiry_order_id", "order_id"),
        Index("ix_expiry_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        Index("ix_expiry_reissue_at", "reissue_at", postgresql_where="reissue_at IS NOT NULL"),
    )

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
    common_name: Mapped[str]
    valid_from: Mapped[date]
    valid_till: Mapped[date]
    due_at: Mapped[datetime | None]
    reissue_at: Mapped[datetime | None]

    def claim(self, now: datetime) -> int | None:
        """The notice that is due, in days before the end; -1 is the end itself. What was missed is not told late."""
        days = due_notice(self.valid_till, now)
        self.due_at = next_notice(self.valid_till, now)
        return days
