"""The eyes of one perspective: whatever a job asks for, looked at by the network as it is seen from here."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from services.validation.clients.caa import climb
from services.validation.clients.dns import DnsClient
from services.validation.clients.http import HttpClient
from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.caa import CAA
from services.validation.rules.guard import Guard
from services.validation.rules.looking import Job, Observation
from services.validation.rules.methods import (
    CAA_CONTACT,
    DNS_CNAME,
    DNS_PERSIST,
    DNS_TXT,
    EMAIL,
    HTTP_FILE,
    TXT_CONTACT,
)
from shared.db import utcnow

PRIMARY = "primary"
Look = Callable[[Job, Observation], Awaitable[Observation]]


class Observer:
    def __init__(
        self,
        dns: DnsClient,
        perspective: str = PRIMARY,
        http: HttpClient | None = None,
        local: Collection[str] = (),
    ) -> None:
        """`local`: the TLDs that exist in test mode only."""
        self.dns, self.perspective, self.local = dns, perspective, local
        self.http = http or HttpClient(dns, shipped_suffixes(), Guard(), perspective)
        self._looks: dict[str, Look] = {
            DNS_TXT: self._txt,
            DNS_CNAME: self._cname,
            HTTP_FILE: self._file,
            DNS_PERSIST: self._txt,
            EMAIL: self._contact,
            CAA: self._caa,
        }

    async def close(self) -> None:
        await self.http.close()

    async def observe(self, job: Job) -> Observation:
        started_at = utcnow()
        seen = await self._looks[job.kind](job, Observation(job.kind, self.perspective, started_at, started_at))
        return replace(seen, finished_at=utcnow())

    async def _txt(self, job: Job, seen: Observation) -> Observation:
        """All allowed places at once (DN2)."""
        answers = await asyncio.gather(*(self.dns.txt(place.name) for place in job.places))
        return replace(seen, answers=tuple(answers))

    async def _cname(self, job: Job, seen: Observation) -> Observation:
        answers = await asyncio.gather(*(self.dns.ask(place.name, "CNAME") for place in job.places))
        return replace(seen, answers=tuple(answers))

    async def _file(self, job: Job, seen: Observation) -> Observation:
        """The resolutions of its hops come from the same resolvers, and are kept with them."""
        return replace(seen, hops=await self.http.fetch(job.name, job.file))

    async def _contact(self, job: Job, seen: Observation) -> Observation:
        """Where the address that confirmed is published; a constructed one is published nowhere."""
        section = job.contact.section if job.contact else None
        if section == TXT_CONTACT:
            return await self._txt(job, seen)
        return await self._caa(job, seen) if section == CAA_CONTACT else seen

    async def _caa(self, job: Job, seen: Observation) -> Observation:
        return replace(seen, answers=await climb(self.dns, job, self.local))
