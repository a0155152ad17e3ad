from datetime import datetime

from sqlalchemy.orm import Mapped


class CancelWish:
    """A cancellation that waits for an outside CA: it may have issued already, and answers or runs out of time. A part
    of the request's row."""

    cancel_wanted_at: Mapped[datetime | None]
    cancel_wanted_by: Mapped[str | None]
    cancel_wanted_note: Mapped[str | None]
    cancel_due_at: Mapped[datetime | None]
    cancel_rejects: Mapped[bool | None]  # it was rejected after all, by who was to approve it

    def wish_cancel(self, who: str, note: str, due: datetime, now: datetime, rejects: bool = False) -> bool:
        """The first wish counts; whether this is it."""
        if self.cancel_wanted_at:
            return False
        self.cancel_wanted_at, self.cancel_wanted_by, self.cancel_wanted_note = now, who, note
        self.cancel_due_at, self.cancel_rejects = due, rejects
        return True
