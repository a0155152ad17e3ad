from collections.abc import Awaitable, Callable

from services.validation.actions import reminding
from services.validation.rules.policy import Policy
from shared.db import Database, utcnow


def reminders(db: Database, policy: Policy) -> Callable[[], Awaitable[bool]]:
    """A full batch means that there are more."""

    async def step() -> bool:
        async with db.transaction() as tx:
            looked = await reminding.remind_of_expiry(tx, policy, utcnow())
        return looked == reminding.BATCH

    return step
