from collections.abc import Awaitable, Callable

from services.validation.actions import renewing
from services.validation.rules.policy import Policy
from shared.db import Database, utcnow


def renewals(db: Database, policy: Policy) -> Callable[[], Awaitable[bool]]:
    """A full batch means that there are more."""

    async def step() -> bool:
        async with db.transaction() as tx:
            looked = await renewing.renew_due(tx, policy, utcnow())
        return looked == renewing.BATCH

    return step
