from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from services.validation.models.base import Base


class OrderNeed(Base):
    """What a request on an order, ours or another system's, wants of us, until it is over. Where whoever placed the
    order numbers no requests, `request_id` is 0."""

    __tablename__ = "order_need"

    source: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    # Who may look at what it relied on; a later request on the order tells none.
    division_id: Mapped[int | None]
    user_id: Mapped[int | None]
    names: Mapped[list[str]]
    # Where earlier evidence may not serve the order: only what was seen since then counts.
    fresh_since: Mapped[datetime | None]
    noted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    def end(self, now: datetime) -> bool:
        """Whether it was open until now; a repeat changes nothing."""
        if self.ended_at:
            return False
        self.ended_at = now
        return True
