"""Lookups by our own policy on top of dnspython: what it hides (SERVFAIL causes, two CNAMEs, EDE) decides here."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from services.validation.clients.answer import read_answer
from services.validation.clients.question import Question, is_cut_off
from services.validation.rules.answers import DnsAnswer, Status

TRIES = 3
TRY_SECONDS = 1.0
ALL_SECONDS = 5.0
RETRIED = {Status.TIMEOUT, Status.UNREACHABLE, Status.TRUNCATED, Status.MALFORMED}
# Another of our resolvers may do better. Never after BOGUS: that would be shopping for one that does not validate.
ROTATED = {Status.SERVFAIL, Status.REFUSED, Status.NOTIMP, Status.FORMERR, Status.OTHER_RCODE}


@dataclass(frozen=True, slots=True)
class Resolver:
    """One of our own recursive resolvers; never the name of a host, for that would need another lookup."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Failed(Exception):
    def __init__(self, status: Status) -> None:
        super().__init__(status.value)
        self.status = status


class DnsClient:
    """No cache, no search list: every look is a fresh question about an absolute name."""

    def __init__(self, resolvers: Sequence[Resolver], try_seconds: float = TRY_SECONDS) -> None:
        self.resolvers = tuple(resolvers)
        self.try_seconds = try_seconds
        self._turn = itertools.count()

    async def txt(self, name: str) -> DnsAnswer:
        return await self.ask(name, "TXT")

    async def ask(self, name: str, kind: str) -> DnsAnswer:
        """The answer, or the failure, after at most three tries of a second, rotating resolvers, 5 s in all (NT5)."""
        begun = time.monotonic()
        turn = next(self._turn)
        answer = DnsAnswer(name, Status.TIMEOUT, kind=kind)
        for number in range(TRIES):
            left = ALL_SECONDS - (time.monotonic() - begun)
            if left <= 0:
                break
            resolver = self.resolvers[(turn + number) % len(self.resolvers)]
            answer = replace(await self._ask(name, kind, resolver, left), resolver=str(resolver), tries=number + 1)
            if not self._worth_another_try(answer.status, number):
                break
        return replace(answer, milliseconds=round((time.monotonic() - begun) * 1000))

    def _worth_another_try(self, status: Status, number: int) -> bool:
        return status in RETRIED or (status in ROTATED and number + 1 < len(self.resolvers))

    async def _ask(self, name: str, kind: str, resolver: Resolver, left: float) -> DnsAnswer:
        question = Question.about(name, kind)
        if question is None:
            return DnsAnswer(name, Status.NXDOMAIN, rcode="(no possible name)", kind=kind)
        transport = "udp"
        try:
            response = await _over_udp(question, resolver, min(self.try_seconds, left))
            if response is None:
                transport = "tcp"
                response = await _over_tcp(question, resolver, min(2 * self.try_seconds, left))
        except Failed as failure:
            return DnsAnswer(name, failure.status, transport=transport, kind=kind)
        return read_answer(name, kind, response, transport)


class _Exchange(asyncio.DatagramProtocol):
    """One question over one connected socket: a fresh random port, and the kernel drops every other sender."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answer: asyncio.Future[dns.message.Message | None] = asyncio.get_running_loop().create_future()
        self.saw_malformed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.DatagramTransport, transport).sendto(self.question.wire)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """What does not answer this very question is ignored and the wait goes on (NT4)."""
        if self.answer.done() or not self.question.has_id_of(data):
            return
        if is_cut_off(data) and self.question.is_repeated_in(data):
            self.answer.set_result(None)
            return
        try:
            response = dns.message.from_wire(data, one_rr_per_rrset=True)
        except Exception:  # dnspython raises nearly anything on hostile bytes
            self.saw_malformed = True
            return
        if self.question.is_repeated_in(data):
            self.answer.set_result(response)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(Failed(Status.UNREACHABLE))


async def _over_udp(question: Question, resolver: Resolver, seconds: float) -> dns.message.Message | None:
    """The response; None when it was cut off (TC) and must be fetched over TCP."""
    loop = asyncio.get_running_loop()
    try:
        transport, exchange = await loop.create_datagram_endpoint(
            lambda: _Exchange(question), remote_addr=(resolver.host, resolver.port)
        )
    except OSError:
        raise Failed(Status.UNREACHABLE) from None
    with contextlib.closing(transport):
        try:
            return await asyncio.wait_for(exchange.answer, seconds)
        except TimeoutError:
            raise Failed(Status.MALFORMED if exchange.saw_malformed else Status.TIMEOUT) from None


async def _over_tcp(question: Question, resolver: Resolver, seconds: float) -> dns.message.Message:
    """Up to 64 KiB; whatever goes wrong, the answer stays cut off, which is not the same as empty."""
    query = dns.message.from_wire(question.wire)
    try:
        response = await dns.asyncquery.tcp(query, resolver.host, seconds, resolver.port, one_rr_per_rrset=True)
    except Exception:
        raise Failed(Status.TRUNCATED) from None
    if response.flags & dns.flags.TC:
        raise Failed(Status.TRUNCATED)
    return response
