from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """How an invoice stands, computed from its figures and never stored: minor units."""

    total: int
    paid: int
    credited: int
    due: int
    is_late: bool

    @property
    def status(self) -> str:
        """As the API says it; `overdue` is beside it (contract 11)."""
        if self.credited >= self.total:
            return "credited"
        if self.due == 0:
            return "paid"
        return "partially_paid" if self.paid else "open"

    @property
    def is_overdue(self) -> bool:
        return self.is_late and self.due > 0
