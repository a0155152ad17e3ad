from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base

REVOKING_LEASE = timedelta(minutes=2)
TRY_AGAIN = timedelta(minutes=5)


class Revocation(Base):
    """That a certificate is to be revoked, and that it is. Guarded by the lock on its order's row."""

    __tablename__ = "revocation"
    __table_args__ = (
        Index("ix_revocation_order_id", "order_id"),
        Index("ix_revocation_due_at", "due_at", postgresql_where="revoked_at IS NULL"),
        Index("ix_revocation_listed", "issuer_key", "not_after", postgresql_where="revoked_at IS NOT NULL"),
    )

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("certificate_order.id"))
    request_id: Mapped[int | None]
    issuer: Mapped[str]
    issuer_key: Mapped[str]
    serial_number: Mapped[str]
    not_after: Mapped[datetime]
    reason: Mapped[str]
    requested_at: Mapped[datetime]
    requested_by: Mapped[str]
    due_at: Mapped[datetime | None]  # when it is for one of our own issuers to be done; none where another CA does it
    failure: Mapped[str | None]
    revoked_at: Mapped[datetime | None]

    def claim(self, now: datetime) -> None:
        self.due_at = now + REVOKING_LEASE

    def fail(self, why: str, now: datetime) -> bool:
        """Whether that is news."""
        is_news = self.failure != why
        self.failure, self.due_at = why, now + TRY_AGAIN
        return is_news

    def record(self, at: datetime, reason: str) -> bool:
        if self.revoked_at:
            return False
        self.revoked_at, self.reason, self.due_at, self.failure = at, reason, None, None
        return True
