"""How the rows of a period are found in a history that may be long: by looking at a few dozen of them."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models.documents import DAYS_OPEN

# Places in a history are 1..n and times rise with them, so a period is a run of places. From the highest bit down: the
# last place of a time before the moment. Rows that come later never change the answer.
PLACES = """
WITH RECURSIVE search (moment, step, place) AS (
  SELECT m, CAST(:step AS bigint), CAST(0 AS bigint) FROM unnest(CAST(:moments AS timestamptz[])) AS m
  UNION ALL
  SELECT moment, step / 2, place + CASE WHEN EXISTS (
    SELECT FROM {history} WHERE division_id = :division AND seq = place + step AND at < moment) THEN step ELSE 0 END
  FROM search WHERE step > 0
)
SELECT place FROM search WHERE step = 0 ORDER BY moment
"""
OF_FUNDS = text(PLACES.format(history="posting JOIN journal ON journal.id = posting.journal_id"))
OF_OWED = text(PLACES.format(history="on_account"))


async def places(
    tx: AsyncSession, history: TextClause, division_id: int, seq: int, moments: Sequence[datetime]
) -> list[int]:
    """`seq`: the last place to be looked at."""
    step = 1 << seq.bit_length() >> 1
    found = await tx.scalars(history, {"division": division_id, "step": step, "moments": list(moments)})
    return [min(place, seq) for place in found]


# Receivables that were open on some of the days, and few others.
OPEN_BETWEEN = f"{DAYS_OPEN} && box(point(:account, :first_day), point(:account, :last_day))"
DAY_0 = date(2000, 1, 1)  # of the index


def days_between(first: date, last: date) -> dict[str, int]:
    """The days of OPEN_BETWEEN: one more at both ends, as the clocks of two processes may differ at midnight."""
    return {"first_day": (first - DAY_0).days - 1, "last_day": (last - DAY_0).days + 1}
