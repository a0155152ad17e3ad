"""python -m tests.containers.relay_process KAFKA DATABASE_URL SILENT_FOR: a relay in a process that can be killed or
frozen. Says `leads` and `follows` as it changes."""

import asyncio
import sys

from shared.db import Database, make_engine
from shared.relay import Leader, Relay
from shared.service.kafka import BrokerProducer, make_broker
from shared.settings import BaseSettings


async def main(kafka: str, url: str, silent_for: str) -> None:
    broker = make_broker(BaseSettings(kafka=kafka), "relay")
    await broker.start()
    leader, db = Leader(url, silent_for=float(silent_for)), Database(make_engine(url, "relay", 2))
    relay = Relay(db, BrokerProducer(broker), leader, _nothing)
    running = asyncio.create_task(relay.run(asyncio.Event()))
    led = None
    while not running.done():
        if led != (led := relay.stats.leader):
            print("leads" if led else "follows", flush=True)  # noqa: T201 - who started it listens
        await asyncio.sleep(0.01)


async def _nothing() -> None:
    return None


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
