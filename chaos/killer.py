"""Kills and freezes, from a seed: never the next one before everybody has recovered from the last."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from chaos.cluster import NODES, Cluster
from chaos.database import Database
from chaos.lag import members_of
from chaos.members import Member, Members
from chaos.sink import Sink
from chaos.strikes import FREEZE, MAILER, Strike

MAIL_WITHIN = 60.0
BEYOND = (1.5, 10.0)  # seconds after the poll interval: shorter and longer than a transaction may be idle


@dataclass
class Killer:
    cluster: Cluster
    database: Database
    members: Members
    sink: Sink
    rng: Random
    poll_interval: float

    async def strike(self, what: str) -> Strike:
        at, expelled = time.time(), False
        if what == "broker":
            target = await self._broker()
        elif what == "database":
            target = await self._database()
        elif what == FREEZE:
            target, expelled = await self._freeze(self._one_of("billing"))
        else:
            caught = await kill_with_its_answer(self.sink, self.members.of("notifications")) if what == MAILER else None
            target = await self._service(caught or self._one_of("notifications" if what == MAILER else what))
            what = MAILER if caught else "service"
        return Strike(what, target, at, time.time(), expelled)

    def _one_of(self, service: str) -> Member:
        return self.rng.choice(self.members.of(service))

    async def _service(self, member: Member) -> str:
        await member.kill()
        await asyncio.sleep(self.rng.uniform(1, 3))
        await self.members.again(member)
        return member.name

    async def _broker(self) -> str:
        node = self.rng.choice(NODES)
        await self.cluster.nodes[node].kill()
        await asyncio.sleep(self.rng.uniform(3, 15))  # its leaders go to others after 9
        await self.cluster.start(node)
        return f"kafka-{node}"

    async def _database(self) -> str:
        await self.database.kill()
        await asyncio.sleep(self.rng.uniform(1, 4))
        await self.database.start()
        await self.members.until_ready()
        return "postgres"

    async def _freeze(self, member: Member) -> tuple[str, bool]:
        """Beyond its poll interval; whether its group went on without it."""
        member.freeze()
        try:
            expelled = await self._is_given_up(member)
        finally:
            member.thaw()
        await self.members.until_ready()
        return member.name, expelled

    async def _is_given_up(self, member: Member) -> bool:
        others, given_up = len(self.members.of(member.service)) - 1, False
        until = time.monotonic() + self.poll_interval + self.rng.uniform(*BEYOND)
        while (left := until - time.monotonic()) > 0:
            with suppress(Exception):
                given_up |= await members_of(self.cluster.address, member.service) == others
            await asyncio.sleep(min(1.0, max(left, 0)))
        return given_up


async def kill_with_its_answer(sink: Sink, mailers: Sequence[Member]) -> Member | None:
    """One that gets the mail server's answer while it is held still, so that it cannot note it. None where no mail is
    sent."""
    with sink.trapped() as trap:
        try:
            port = await asyncio.wait_for(trap.caught, MAIL_WITHIN)
        except TimeoutError:
            return None
        try:
            await asyncio.gather(*(member.hold_still() for member in mailers))
            await trap.answer()
            [caught] = [member for member in mailers if member.owns(port)]
            await caught.kill()
            return caught
        finally:
            for member in mailers:
                if member.wanted:
                    member.thaw()
