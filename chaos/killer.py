"""Kills and freezes, from a seed: never the next one before everybody has recovered from the last."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from chaos.cluster import NODES, Cluster
from chaos.database import Database
from chaos.lag import members_of
from chaos.members import Member, Members
from chaos.sink import Sink
from chaos.strikes import FREEZE, MAILER, Strike

MAIL_WITHIN = 30.0
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
            member = await self._mailer() if what == MAILER else self._one_of(what)
            target = await self._service(member)
        kind = what if what in ("broker", "database", FREEZE, MAILER) else "service"
        return Strike(kind, target, at, time.time(), expelled)

    def _one_of(self, service: str) -> Member:
        return self.rng.choice(self.members.of(service))

    async def _service(self, member: Member) -> str:
        await member.kill()
        await asyncio.sleep(self.rng.uniform(1, 3))
        await self.members.again(member)
        return member.name

    async def _mailer(self) -> Member:
        """The one that has just got the mail server's answer: held still before it can note that."""
        mailers = self.members.of("notifications")
        self.sink.trap = asyncio.get_running_loop().create_future()
        try:
            port = await asyncio.wait_for(self.sink.trap, MAIL_WITHIN)
        except TimeoutError:
            return self.rng.choice(mailers)
        for member in mailers:
            member.freeze()
        caught = next((member for member in mailers if member.owns(port)), mailers[0])
        for member in mailers:
            if member is not caught:
                member.thaw()
        return caught

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
