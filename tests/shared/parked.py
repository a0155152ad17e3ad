"""Something parked, to look at and to mend."""

import json
from typing import Any

from sqlalchemy import text

from shared.door import OpenDoor
from shared.door.decode import Decoder, Entry
from tests.bus import as_record
from tests.makers import NOW
from tests.toy import Toy, counted, make_door

SCOPE = "thing/1"
CORRECT = """
UPDATE parked_event SET corrected = convert_to((convert_from(payload, 'UTF8')::jsonb - 'fails')::text, 'UTF8')
WHERE error IS NOT NULL
"""
MENDED = {
    "id": "e-1", "type": "counted", "source": "shop", "occurred_at": NOW.isoformat(), "account_id": 1, "version": 1,
}  # fmt: skip


def entry_of(version: int, **changed: Any) -> Entry:
    entry = Decoder(make_door().facts).decode(as_record(counted(1, version, **changed), version), NOW)
    assert entry is not None
    return entry


async def parked_versions(toy: Toy) -> list[tuple[int, bool]]:
    return [(json.loads(bytes(row.payload))["version"], row.error is not None) for row in await toy.parked()]


async def park_first(toy: Toy) -> OpenDoor:
    """Version 1 is parked, versions 2 and 3 wait behind it."""
    door = toy.open_door()
    await door.handle(
        [as_record(counted(1, version, fails="bug" if version == 1 else None), version) for version in (1, 2, 3)]
    )
    assert await parked_versions(toy) == [(1, True), (2, False), (3, False)]
    return door


async def mend(toy: Toy) -> None:
    async with toy.engine.begin() as connection:
        await connection.execute(text(CORRECT))


async def replace(toy: Toy) -> None:
    """As an operator does with the body of a record that was none."""
    async with toy.engine.begin() as connection:
        body = {"body": json.dumps(MENDED).encode()}
        await connection.execute(text("UPDATE parked_event SET corrected = :body"), body)
