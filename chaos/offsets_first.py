"""The control run's service: `python -m services` with one safeguard off, the offset committed before the transaction.
No setting can do that; here the door of a service that is already built is given another order of things."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import uvloop
from aiokafka import ConsumerRecord

from services import __main__ as services
from shared.door import OpenDoor
from shared.host import Host, Server
from shared.log import to_json_lines
from shared.service import Service


class OffsetsFirst(OpenDoor):
    async def _chunk(self, records: Sequence[ConsumerRecord[Any, Any]]) -> bool:
        await self._commit(records)
        return await super()._chunk(records)


def without_safeguard(service: Service) -> Service:
    service.door.__class__ = OffsetsFirst
    return service


async def serve(names: Sequence[str]) -> None:
    host = Host([without_safeguard(services.build(name)) for name in names])
    server = Server.of(host, port=int(os.environ["PORT"]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    async with host.running():
        await server.serve()


if __name__ == "__main__":
    to_json_lines()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1:]))
