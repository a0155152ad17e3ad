from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base
from services.orders.rules.revocation import rhythm

LIST_LEASE = timedelta(minutes=1)


class Authority(Base):
    """A key of the built-in CA that signs certificates, and when the list of what it revoked is due."""

    __tablename__ = "authority"
    __table_args__ = (Index("ix_authority_due_at", "due_at"),)

    key_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    certificate: Mapped[bytes]  # DER
    is_root: Mapped[bool]
    list_number: Mapped[int]
    due_at: Mapped[datetime]

    def claim_list(self, this_update: datetime) -> int:
        """Numbers only grow (RFC 5280 5.2.3); that of a list which was never published stays unused."""
        self.list_number += 1
        self.due_at = this_update + LIST_LEASE
        return self.list_number

    def note_revoked(self, now: datetime) -> None:
        self.due_at = min(self.due_at, now)

    def note_published(self, number: int, this_update: datetime) -> None:
        """Another claim, or a revocation since, has set its own time."""
        if number == self.list_number and self.due_at == this_update + LIST_LEASE:
            self.due_at = this_update + rhythm(self.is_root).every


class RevocationList(Base):
    __tablename__ = "revocation_list"

    authority: Mapped[str] = mapped_column(ForeignKey("authority.key_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    der: Mapped[bytes]
    entries: Mapped[int]
    this_update: Mapped[datetime]
    next_update: Mapped[datetime]
