"""Slow work: documents are rendered and waiting orders tried, with no transaction open in between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from time import monotonic

from services.billing import actions
from services.billing.actions.documents import Claimed
from services.billing.queries.papers import Snapshot, snapshots
from shared.db import Database, is_transient, utcnow
from shared.errors import DomainError

log = logging.getLogger(__name__)


PAUSES = 2  # under load: two thirds of the time
Print = Callable[[Snapshot], Awaitable[bytes]]


def steps(print_paper: Print, payment_days: int, db: Database) -> list[Callable[[], Awaitable[bool]]]:
    return [
        lambda: print_due_documents(db, print_paper),
        lambda: try_waiting_orders(db),
        lambda: tell_overdue(db),
        lambda: close_month(db, payment_days),
        lambda: match_bank_lines(db),
        lambda: remind(db),
    ]


async def print_due_documents(db: Database, print_paper: Print) -> bool:
    async with db.transaction() as tx:
        claimed = await actions.claim_documents(tx, utcnow())
        papers = await snapshots(tx, [(one.kind, one.subject_id) for one in claimed]) if claimed else {}
    if not claimed:
        return False
    printed: list[tuple[Claimed, bytes]] = []
    failed: list[tuple[Claimed, str]] = []
    for one in claimed:
        started = monotonic()
        try:
            printed.append((one, await print_paper(papers[one.kind, one.subject_id])))
        except Exception as error:
            failed.append((one, _in_the_log(one, error)))
        if db.is_busy:  # a priority alone does not free the other half of a core
            await asyncio.sleep(PAUSES * (monotonic() - started))
    async with db.transaction() as tx:
        await actions.store_documents(tx, printed, utcnow())
        await actions.documents_failed(tx, failed)
    return True


def _in_the_log(document: Claimed, error: Exception) -> str:
    log.error("a document could not be printed", exc_info=error, extra={"document": str(document.document_id)})
    return f"{type(error).__name__}: {error}"


async def try_waiting_orders(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.retry_waiting(tx, utcnow())


async def tell_overdue(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.announce_overdue(tx, utcnow())


async def remind(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.remind_of_waiting(tx, utcnow())


AT_ONCE = 200


async def close_month(db: Database, payment_days: int, clock: Callable[[], datetime] = utcnow) -> bool:
    """The next chunk of the month that is being closed. What fails as a whole is tried again division by division, so
    that the one that fails is parked and no other is held up."""
    async with db.transaction() as tx:
        month = await actions.list_divisions(tx, clock())
    if month is None or month.listed_at is None:
        return month is not None
    try:
        async with db.transaction() as tx:
            return bool(await actions.close_divisions(tx, month.first_day, payment_days, clock(), AT_ONCE))
    except Exception as error:
        if is_transient(error):
            raise
        log.info("a chunk of the month is closed division by division", extra={"why": str(error) or repr(error)})
    async with db.transaction() as tx:
        waiting = await actions.open_divisions(tx, month.first_day, AT_ONCE)
    for division_id in waiting:
        await _close_one(db, payment_days, month.first_day, division_id, clock())
    return True


async def _close_one(db: Database, payment_days: int, first_day: date, division_id: int, now: datetime) -> None:
    try:
        async with db.transaction() as tx:
            await actions.close_divisions(tx, first_day, payment_days, now, 1, division_id)
    except Exception as error:
        if is_transient(error):
            raise
        log.error("a division's month could not be closed", exc_info=error, extra={"division": division_id})
        async with db.transaction() as tx:
            await actions.park_division(tx, first_day, division_id, _in_a_sentence(error))


def _in_a_sentence(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.message
    return (
        "Its invoice could not be written: a fault of the service, not of the account. Its log says more at this time "
        f"({type(error).__name__}); have it mended, then close the month again."
    )


UNEXPECTED = "It could not be matched, for a reason that stands in the service's log. Assign it to an account by hand."


async def match_bank_lines(db: Database) -> bool:
    """A transaction for each line: one that cannot be booked holds up no other, and stays open with the reason."""
    line_id: int | None = None
    try:
        async with db.transaction() as tx:
            line_id = await actions.next_bank_line(tx)
            if line_id is not None:
                await actions.match_line(tx, line_id, utcnow())
    except Exception as error:
        if line_id is None or is_transient(error):
            raise
        if not isinstance(error, DomainError):
            log.error("a bank line could not be matched", exc_info=error, extra={"line": line_id})
        async with db.transaction() as tx:
            why = error.message if isinstance(error, DomainError) else UNEXPECTED
            await actions.keep_line_open(tx, line_id, why, utcnow())
    return line_id is not None
