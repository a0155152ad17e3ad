from datetime import datetime

from sqlalchemy.orm import Mapped


class CancelWish:
    """A cancellation that waits for an outside CA: it may have issued already, and answers or runs out of time. A part
    of the order's row."""

    cancel_wanted_at: Mapped[datetime | None]
    cancel_wanted_by: Mapped[str | None]
    cancel_wanted_note: Mapped[str | None]
    cancel_due_at: Mapped[datetime | None]

    def wish_cancel(self, who: str, note: str, due: datetime, now: datetime) -> bool:
        """The first wish counts; whether this is it."""
        if self.cancel_wanted_at:
            return False
        self.cancel_wanted_at, self.cancel_wanted_by, self.cancel_wanted_note = now, who, note
        self.cancel_due_at = due
        return True
