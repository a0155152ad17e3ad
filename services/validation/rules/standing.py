"""How a domain stands: worked out of three separate facts each time it is shown (dcv-rules 16), never stored."""

STATUSES = ("active", "pending", "expired", "new")


def status_of(*, is_usable: bool, is_pending: bool, was_proven: bool) -> str:
    """A revalidation under way takes nothing from a validation that is usable."""
    if is_usable:
        return "active"
    if is_pending:
        return "pending"
    return "expired" if was_proven else "new"
