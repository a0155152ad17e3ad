"""Slow work: documents are rendered and waiting orders tried, with no transaction open in between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from services.billing import actions
from services.billing.actions.documents import Claimed
from services.billing.clients import pdf
from services.billing.clients.paper import Paper
from services.billing.queries.papers import Snapshot, snapshots
from shared.db import Database, utcnow

log = logging.getLogger(__name__)


def steps(db: Database) -> list[Callable[[], Awaitable[bool]]]:
    return [lambda: render_due_documents(db), lambda: try_waiting_orders(db)]


async def render_due_documents(db: Database) -> bool:
    async with db.transaction() as tx:
        claimed = await actions.claim_documents(tx, utcnow())
        papers = await snapshots(tx, [(one.kind, one.subject_id) for one in claimed]) if claimed else {}
    if not claimed:
        return False
    rendered: list[tuple[Claimed, bytes]] = []
    failed: list[tuple[Claimed, str]] = []
    for one in claimed:
        try:
            rendered.append((one, await asyncio.to_thread(_render, papers[one.kind, one.subject_id])))
        except Exception as error:
            log.error("a document could not be rendered", exc_info=error, extra={"document": str(one.document_id)})
            failed.append((one, f"{type(error).__name__}: {error}"))
    async with db.transaction() as tx:
        await actions.store_documents(tx, rendered, utcnow())
        await actions.documents_failed(tx, failed)
    return True


def _render(paper: Snapshot) -> bytes:
    return pdf.render(cast(Paper, paper))


async def try_waiting_orders(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.retry_waiting(tx, utcnow())
