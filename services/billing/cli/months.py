"""`python -m services ctl billing close 2026-11`: the month, worked off here and by whoever runs beside it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.billing import actions
from services.billing.models import PeriodClose, PeriodTotal
from services.billing.queries import closing
from services.billing.rules import month_named, month_of, printed
from shared.db import Database, utcnow
from shared.service import Service

PARKED_SHOWN = 1000


async def close_month(service: Service, told: Any, who: str) -> int:
    """Progress on standard error, the result on standard output. 1 where a division is parked."""
    found = await close(service.db, told.month, who, utcnow(), service.app.state.close_month, _progress)
    sys.stdout.write("".join(f"{line}\n" for line in found.lines()))
    return 1 if found.parked else 0


def _progress(said: str) -> None:
    sys.stderr.write(f"\r{said}" if sys.stderr.isatty() else f"{said}\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Month:
    """How far a close is, or what it came to."""

    close: PeriodClose
    totals: list[PeriodTotal]
    parked: list[Any]

    def lines(self) -> Iterator[str]:
        yield f"{month_of(self.close.first_day)} is closed: {self.close.done:,} of {self.close.listed:,} divisions."
        for row in self.totals:
            many = "invoice" if row.invoices == 1 else "invoices"
            yield f"  {row.kind}: {row.invoices:,} {many}, {printed(row.total, row.currency)} {row.currency}"
        for row in self.parked:
            yield f"  parked: account {row.account_id}, division {row.division_id}: {row.failure}"


async def close(
    db: Database, month: str, who: str, now: datetime, step: Callable[[], Awaitable[bool]], say: Callable[[str], None]
) -> Month:
    """`step`: the worker's; others may work at the same time. Raises a DomainError where the month cannot be closed."""
    first_day = month_named(month).first
    async with db.transaction() as tx:
        await actions.close_period(tx, first_day, who, now)
    while not (found := await _month(db, first_day)).close.is_finished:
        say(f"{found.close.done:,} of {found.close.listed:,} divisions")
        if not await step():
            await asyncio.sleep(0.2)
    return found


async def _month(db: Database, first_day: date) -> Month:
    async with db.transaction() as tx:
        there = await tx.get_one(PeriodClose, first_day)
        totals = (await closing.totals(tx, [first_day]))[first_day]
        return Month(there, totals, list(await closing.parked(tx, first_day, 0, PARKED_SHOWN)))
