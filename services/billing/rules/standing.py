from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """How an invoice stands, computed from its figures and never stored: minor units. Of what was credited, `returned`
    had been paid and went to the funds; the rest lowered what is due."""

    paid: int
    credited: int
    returned: int
    due: int
    is_credited: bool  # nothing of it is left
    is_late: bool

    @property
    def status(self) -> str:
        """As the API says it; `overdue` is beside it."""
        if self.is_credited:
            return "credited"
        if self.due == 0:
            return "paid"
        return "partially_paid" if self.paid else "open"

    @property
    def is_overdue(self) -> bool:
        return self.is_late and self.due > 0
