"""Slow work: certificates are signed outside any transaction, and stale questions are asked again."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from services.orders import actions
from services.orders.clients.test_ca import TestCa
from shared.db import Database, utcnow

Step = Callable[[], Awaitable[bool]]


def steps(ca: TestCa | None, db: Database) -> Sequence[Step]:
    asking = partial(ask_again, db)
    return (partial(issue_next, db, ca), asking) if ca else (asking,)


async def issue_next(db: Database, ca: TestCa) -> bool:
    async with db.transaction() as tx:
        signing = await actions.claim_signing(tx, utcnow())
    if signing is None:
        return False
    try:
        issued = ca.issue(signing.wanted)
    except ValueError as error:
        async with db.transaction() as tx:
            await actions.record_failure(tx, signing.order_id, f"the test CA cannot sign it: {error}", utcnow())
        return True
    async with db.transaction() as tx:
        await actions.record_issued(tx, signing.order_id, issued, utcnow())
    return True


async def ask_again(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.ask_again(tx, utcnow())
