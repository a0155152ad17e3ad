from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.base import Base


class BlockedKey(Base):
    """A key that somebody else may have: nothing is certified for it any more (BR 4.9.1.1, 6.1.1.3)."""

    __tablename__ = "blocked_key"

    key_sha256: Mapped[str] = mapped_column(primary_key=True)
    certificate_id: Mapped[int]
    blocked_at: Mapped[datetime]
    blocked_by: Mapped[str]
