"""Very much is parked at once, looked at and retried."""

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from shared import parking
from shared.watch.state import STATE
from tests.connected.kit import Rig
from tests.containers.figures import told
from tests.containers.kit import Sender, a_rig
from tests.containers.servers import Kafka, Pg
from tests.toy import TOPIC, counted

SCOPES = int(os.environ.get("PARKED_SCOPES", "25"))
EACH = int(os.environ.get("PARKED_EACH", "40"))


async def thousands_of_events_are_parked_listed_and_retried() -> None:
    events = [
        counted(scope, version, fails="no price yet" if version == 1 else None)
        for version in range(1, EACH + 1) for scope in range(1, SCOPES + 1)
    ]  # fmt: skip
    async with Kafka() as kafka, Pg() as postgres, a_rig(kafka, postgres, "volume") as rig:
        async with rig.toy.engine.begin() as connection:
            await connection.exec_driver_sql(
                f"INSERT INTO thing SELECT n, 0 FROM generate_series(51, {SCOPES}) AS n ON CONFLICT DO NOTHING"
            )
        async with Sender(rig.settings, rig.speaker.url, "relay"):
            await rig.say_slowly(events, pause=0)
            await rig.until_sent()
        member = await rig.join()
        parking_took = await timed(lambda: rig.until_done(len(events), quiet=60))
        assert await rig.toy.value("SELECT count(*) FROM parked_event") == len(events)
        looks = {name: await timed(look) for name, look in looking(rig).items()}
        await rig._correct()
        retry_took = await timed(lambda: retry_all(rig, member.door.again))
        assert await rig.toy.value("SELECT count(*) FROM parked_event") == 0
        assert await rig.toy.versions() == dict.fromkeys(range(1, SCOPES + 1), EACH)
        told(
            "parking at volume", events=len(events), scopes=SCOPES, park_s=parking_took, retry_all_s=retry_took,
            parked_per_s=len(events) / parking_took, retried_per_s=len(events) / retry_took, **looks,
        )  # fmt: skip


async def timed(act: Callable[[], Awaitable[Any]]) -> float:
    began = time.monotonic()
    await act()
    return time.monotonic() - began


def looking(rig: Rig) -> dict[str, Callable[[], Awaitable[Any]]]:
    async def first_page() -> None:
        async with rig.toy.db.transaction() as tx:
            assert len(await parking.scopes(tx)) == min(SCOPES, 50)

    async def last_page() -> None:
        async with rig.toy.db.transaction() as tx:
            await parking.scopes(tx, after=(TOPIC, f"thing/{SCOPES}"))

    async def one_scope() -> None:
        async with rig.toy.db.transaction() as tx:
            assert len(await parking.events(tx, TOPIC, "thing/1")) == min(EACH, 50)

    async def metrics() -> None:
        await rig.toy.rows(STATE)

    return {"first_page_s": first_page, "last_page_s": last_page, "one_scope_s": one_scope, "metrics_s": metrics}


async def retry_all(rig: Rig, again: Any) -> None:
    for row in await rig.toy.rows("SELECT topic, scope FROM parked_scope ORDER BY scope"):
        await again.retry(row.topic, row.scope)
