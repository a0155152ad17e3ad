"""The control run's service: `python -m services` with one safeguard off, the offset committed before the transaction.
No setting can do that. The door is left as it is; its `commit_offset` does nothing any more, and what it did is done
when a poll has brought records and the door has not seen them yet."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import uvloop
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import BaseMiddleware

from services import __main__ as services
from shared.door import CommitOffset
from shared.host import Host, Server
from shared.log import to_json_lines
from shared.service import Service

Records = Sequence[ConsumerRecord[Any, Any]]


class OffsetsFirst(BaseMiddleware[Any, Any]):
    def __init__(self, commit: CommitOffset, msg: Records, /, *, context: Any) -> None:
        super().__init__(msg, context=context)
        self._commit = commit

    async def on_receive(self) -> None:
        with suppress(KafkaError):
            await self._commit({TopicPartition(one.topic, one.partition): one.offset + 1 for one in self.msg})


async def not_after(_: dict[TopicPartition, int]) -> None:
    return None


def without_safeguard(service: Service) -> Service:
    commit = cast(CommitOffset, service.door.commit_offset)

    def first(msg: Any, /, *, context: Any) -> BaseMiddleware[Any, Any]:
        return OffsetsFirst(commit, msg, context=context)

    service.broker.add_middleware(first)
    service.door.commit_offset = not_after
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
