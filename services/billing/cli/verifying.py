import sys
from time import monotonic
from typing import Any

from services.billing.queries.verify import verify
from shared.service import Service


async def verify_book(service: Service, _: Any, __: str) -> int:
    """Breaches on standard output, progress on standard error. 1 where there is a breach."""
    breaches = 0
    async for breach in verify(service.db, _Progress()):
        breaches += 1
        sys.stdout.write(f"{breach}\n")
    if not breaches:
        sys.stdout.write("The book is in order.\n")
    return 1 if breaches else 0


class _Progress:
    """A line for each table, and for a long one every second."""

    def __init__(self) -> None:
        self.said, self.table = 0.0, ""

    def __call__(self, table: str, rows: int) -> None:
        if table != self.table or monotonic() - self.said >= 1:
            self.table, self.said = table, monotonic()
            sys.stderr.write(f"{table}: {rows:,} rows\n")
