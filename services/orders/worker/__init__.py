"""Slow work: certificates and lists are signed outside any transaction, and stale questions are asked again."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from services.orders import actions
from services.orders.clients.test_ca import TestCa
from services.orders.rules.issuers import BUILT_IN
from services.orders.worker.acme import AcmeWorker
from services.orders.worker.calendar import Calendar
from shared.db import Database, utcnow

if TYPE_CHECKING:
    from services.orders.clients.acme_ca import AcmeCa

Step = Callable[[], Awaitable[bool]]
FOLD_SECONDS = 10.0


def steps(ca: TestCa | None, db: Database, acme: "AcmeCa | None" = None) -> Sequence[Step]:
    own = (partial(issue_next, db, ca), partial(revoke_next, db), Publisher(db, ca).step) if ca else ()
    other = AcmeWorker(db, acme) if acme else None
    others = (other.issue_next, other.follow_next, other.revoke_next) if other else ()
    common = (go_on_with_orders, ask_again, finish_cancellations)
    timed = (partial(Calendar(db).step), partial(CountFolder(db).step))
    return (*own, *others, *(partial(step, db) for step in common), *timed)


async def go_on_with_orders(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.go_on_with_orders(tx, utcnow())


async def issue_next(db: Database, ca: TestCa) -> bool:
    async with db.transaction() as tx:
        signing = await actions.claim_signing(tx, utcnow())
    if signing is None:
        return False
    try:
        issued = ca.issue(signing.wanted)
    except ValueError as error:
        async with db.transaction() as tx:
            await actions.record_failure(tx, signing, f"the test CA cannot sign it: {error}", utcnow())
        return True
    async with db.transaction() as tx:
        await actions.record_issued(tx, signing, issued, utcnow())
    return True


async def revoke_next(db: Database) -> bool:
    """Of the built-in CA: there is nobody to ask, and the next list says it."""
    async with db.transaction() as tx:
        revoking = await actions.claim_revocation(tx, [BUILT_IN], utcnow())
    if revoking is None:
        return False
    async with db.transaction() as tx:
        await actions.record_revoked(tx, revoking, utcnow())
    return True


@dataclass
class Publisher:
    """Lists of revoked certificates, by whichever process has the key."""

    db: Database
    ca: TestCa
    registered: bool = False

    async def step(self) -> bool:
        if not self.registered:
            await self._register()
        keys = [authority.key_id for authority in self.ca.authorities]
        async with self.db.transaction() as tx:
            wanted = await actions.claim_list(tx, keys, utcnow())
        if wanted is None:
            return False
        der = self.ca.sign_list(wanted)
        async with self.db.transaction() as tx:
            await actions.record_list(tx, wanted, der, utcnow())
        return True

    async def _register(self) -> None:
        keys = [actions.Key(each.key_id, each.name, each.der, each.is_root) for each in self.ca.authorities]
        async with self.db.transaction() as tx:
            await actions.register_authorities(tx, keys, utcnow())
        self.registered = True


class CountFolder:
    """Now and then: between two folds a count is a sum of few rows."""

    def __init__(self, db: Database) -> None:
        self.db, self._due = db, 0.0

    async def step(self) -> bool:
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + FOLD_SECONDS
        async with self.db.transaction() as tx:
            await actions.fold_counts(tx)
        return False


async def ask_again(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.ask_again(tx, utcnow())


async def finish_cancellations(db: Database) -> bool:
    async with db.transaction() as tx:
        return await actions.finish_cancellations(tx, utcnow())
