from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import actions
from shared.db import Database, utcnow

CALENDAR_SECONDS = 30.0
DEEDS = (actions.tell_expiries, actions.tell_organizations, actions.reissue_next, actions.escalate_revocations)


@dataclass
class Calendar:
    """What the days bring: ends that come near, reissues that are due, and what was left undecided. A look now and then
    is enough."""

    db: Database
    due: float = 0.0

    async def step(self) -> bool:
        if monotonic() < self.due:
            return False
        did = [await self._one(each) for each in DEEDS]
        if not any(did):
            self.due = monotonic() + CALENDAR_SECONDS
        return any(did)

    async def _one(self, action: Callable[[AsyncSession, datetime], Awaitable[bool]]) -> bool:
        async with self.db.transaction() as tx:
            return await action(tx, utcnow())
