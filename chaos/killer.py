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
from chaos.strikes import FREEZE, Strike


@dataclass
class Killer:
    cluster: Cluster
    database: Database
    members: Members
    rng: Random
    freeze_for: float

    async def strike(self, what: str) -> Strike:
        at = time.time()
        if what == "broker":
            target, expelled = await self._broker(), False
        elif what == "database":
            target, expelled = await self._database(), False
        elif what == FREEZE:
            target, expelled = await self._freeze(self._one_of("billing"))
        else:
            target, expelled = await self._service(self._one_of(what)), False
        kind = what if what in ("broker", "database", FREEZE) else "service"
        return Strike(kind, target, at, time.time(), expelled)

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
        await asyncio.sleep(self.rng.uniform(3, 8))
        await self.cluster.nodes[node].start()
        await self.cluster.until_whole()
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
        until = time.monotonic() + self.freeze_for
        while (left := until - time.monotonic()) > 0:
            with suppress(Exception):
                given_up |= await members_of(self.cluster.address, member.service) == others
            await asyncio.sleep(min(1.0, max(left, 0)))
        return given_up
