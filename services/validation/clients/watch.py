"""Whether a perspective's resolvers validate DNSSEC."""

import asyncio
import logging
import time

from services.validation.clients.dns import DnsClient
from services.validation.rules.dns_change import why_untrusted

log = logging.getLogger(__name__)

HOUR_SECONDS, RETRY_SECONDS = 3600.0, 30.0


class ResolverWatch:
    """Found out at start and hourly (NT8). Until they do, nothing is looked at: what they say would be no proof."""

    def __init__(self, client: DnsClient, signed_zone: str, broken_zone: str) -> None:
        self.client, self.signed_zone, self.broken_zone = client, signed_zone, broken_zone
        self.fault: str | None = "the resolver has not been tried yet"
        self._due = 0.0

    async def step(self) -> bool:
        if time.monotonic() < self._due:
            return False
        signed, broken = await asyncio.gather(self.client.txt(self.signed_zone), self.client.txt(self.broken_zone))
        self.fault = why_untrusted(signed, broken)
        self._due = time.monotonic() + (RETRY_SECONDS if self.fault else HOUR_SECONDS)
        if self.fault:
            log.error("the resolver is not trusted", extra={"fault": self.fault})
        return False
