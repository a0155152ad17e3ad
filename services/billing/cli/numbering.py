"""`python -m services ctl billing number-series ENTITY SERIES YEAR LAST --why TEXT`."""

import argparse
import sys
from datetime import datetime

from services.billing import actions
from shared.db import Database, utcnow
from shared.service import Service


async def go_on_after(service: Service, told: argparse.Namespace, who: str) -> int:
    sys.stdout.write(f"{await continue_series(service.db, told, who, utcnow())}\n")
    return 0


async def continue_series(db: Database, given: argparse.Namespace, who: str, now: datetime) -> str:
    """A sentence about what was done."""
    async with db.transaction() as tx:
        gap = await actions.continue_series(tx, given.entity, given.series, given.year, given.last, given.why, who, now)
    if gap is None:
        return f"Nothing is changed: the next number is {given.last + 1} already."
    return f"The next number is {gap.last + 1}; {gap.first} to {gap.last} are declared as a gap."
