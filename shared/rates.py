"""How many requests somebody made of late, in rolling windows, counted where all processes of a service see it. Why
here, and what it costs: docs/decisions/0026-requests-are-counted-in-the-database.md."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Column, ColumnElement, Double, Integer, Table, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import mechanism
from shared.errors import TooMany

Windows = tuple[tuple[int, int], ...]  # how many requests, in how many seconds

request_count = Table(
    "request_count",
    mechanism,
    Column("who", Text, primary_key=True),
    Column("spans", ARRAY(Double), nullable=False),
    Column("slots", ARRAY(BigInteger), nullable=False),
    Column("counts", ARRAY(Integer), nullable=False),
    Column("last_at", Double, nullable=False),
    prefixes=["UNLOGGED"],  # after a crash counting starts anew; nothing waits for the disk
    postgresql_with={"fillfactor": 50},
)

# A window is 20 slots and the one that is being filled: what is counted is never less than the window, and at most a
# twentieth of it more. Returns the seconds to wait; 0 when the request was counted, and only then it is.
FUNCTION = """
CREATE FUNCTION count_request(asked text, at double precision, limits integer[], lengths double precision[])
RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  kept request_count; part integer[]; fresh integer[] := '{}'; slots_now bigint[] := '{}'; width double precision;
  slot bigint; passed bigint; pause double precision := 0;
BEGIN
  SELECT * INTO kept FROM request_count WHERE who = asked FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO request_count VALUES (asked, '{}', '{}', '{}', at) ON CONFLICT DO NOTHING;
    SELECT * INTO kept FROM request_count WHERE who = asked FOR UPDATE;
  END IF;
  FOR n IN 1 .. cardinality(limits) LOOP
    width := lengths[n] / 20;
    slot := floor(at / width);
    part := array_fill(0, ARRAY[21]);
    IF kept.spans = lengths THEN
      slot := greatest(slot, kept.slots[n]);
      passed := slot - kept.slots[n];
      IF passed < 21 THEN
        part := kept.counts[(n - 1) * 21 + 1 + passed : n * 21] || array_fill(0, ARRAY[passed::integer]);
      END IF;
    END IF;
    IF (SELECT sum(one) FROM unnest(part) AS one) >= limits[n] THEN
      pause := greatest(pause, (SELECT (slot + min(place)) * width - at
                                FROM unnest(part) WITH ORDINALITY AS u (one, place) WHERE one > 0));
    END IF;
    part[21] := part[21] + 1;
    fresh := fresh || part;
    slots_now := slots_now || slot;
  END LOOP;
  IF pause = 0 THEN
    UPDATE request_count SET spans = lengths, slots = slots_now, counts = fresh, last_at = at WHERE who = asked;
  END IF;
  RETURN pause;
END $$
"""


def windows(told: str) -> Windows:
    """As in the setting: "100/5,1000/180" is 100 requests in 5 seconds and 1,000 in 180; "none" counts nothing."""
    parts = [] if told == "none" else [part.split("/") for part in told.split(",")]
    return tuple(sorted(((int(most), int(seconds)) for most, seconds in parts), key=lambda window: window[1]))


def counted(who: ColumnElement[str], limits: Windows, now: datetime) -> ColumnElement[float]:
    """To be selected with what is looked up anyway, so that counting asks nothing more of the database."""
    most, spans = [most for most, _ in limits], [float(seconds) for _, seconds in limits]
    told = (cast(most, ARRAY(Integer)), cast(spans, ARRAY(Double)))
    return func.count_request(who, cast(now.timestamp(), Double), *told, type_=Double)


async def count(tx: AsyncSession, who: str, limits: Windows, what: str, now: datetime) -> None:
    """Raises TooMany."""
    pause = await tx.scalar(select(counted(cast(who, Text), limits, now)))
    check(pause or 0.0, limits, what)


def check(pause: float, limits: Windows, what: str) -> None:
    """The first words are the vendor's, which clients look for (certcentral-api 2.3)."""
    if pause <= 0:
        return
    most = " or ".join(f"{number:,} in {_length(seconds)}" for number, seconds in limits)
    seconds = int(pause) + 1
    raise TooMany(
        f"Service unavailable, please limit request volume: more than {most} {what}. Try again in {_length(seconds)}.",
        seconds,
    )


def _length(seconds: int) -> str:
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds // 60} minutes"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
