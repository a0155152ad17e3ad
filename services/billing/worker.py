"""Slow work: documents are rendered and waiting orders tried, with no transaction open in between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from services.billing import actions
from services.billing.actions.documents import Claimed
from services.billing.queries.papers import Snapshot, snapshots
from shared.db import Database, utcnow

log = logging.getLogger(__name__)


PAUSES = 2  # under load: two thirds of the time
Print = Callable[[Snapshot], Awaitable[bytes]]


def steps(print_paper: Print, db: Database) -> list[Callable[[], Awaitable[bool]]]:
    return [lambda: print_due_documents(db, print_paper), lambda: try_waiting_orders(db), lambda: tell_overdue(db)]


async def print_due_documents(db: Database, print_paper: Print) -> bool:
    async with db.transaction() as tx:
        claimed = await actions.claim_documents(tx, utcnow())
        papers = await snapshots(tx, [(one.kind, one.subject_id) for one in claimed]) if claimed else {}
    if not claimed:
        return False
    rendered: list[tuple[Claimed, bytes]] = []
    failed: list[tuple[Claimed, str]] = []
    for one in claimed:
        started = monotonic()
        try:
            rendered.append((one, await print_paper(papers[one.kind, one.subject_id])))
        except Exception as error:
            log.error("a document could not be printed", exc_info=error, extra={"document": str(one.document_id)})
            failed.append((one, f"{type(error).__name__}: {error}"))
        if db.is_busy:  # a priority alone does not free the other half of a core
            await asyncio.sleep(PAUSES * (monotonic() - started))
    async with db.transaction() as tx:
        await actions.store_documents(tx, rendered, utcnow())
        await actions.documents_failed(tx, failed)
    return True


async def try_waiting_orders(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.retry_waiting(tx, utcnow())


async def tell_overdue(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.announce_overdue(tx, utcnow())
