"""The climb for CAA records, from a name up to its TLD."""

import asyncio
from collections.abc import Collection

from services.validation.clients.dns import DnsClient
from services.validation.rules.answers import DnsAnswer
from services.validation.rules.caa import decides
from services.validation.rules.looking import Job


async def climb(dns: DnsClient, job: Job, local: Collection[str] = ()) -> tuple[DnsAnswer, ...]:
    """All levels are asked at once, for an order waits; the nearest that decides ends it, and nobody waits for a slow
    server above it (CA3)."""
    asked = [asyncio.create_task(dns.ask(place.name, "CAA")) for place in job.places]
    seen: list[DnsAnswer] = []
    try:
        for task in asked:
            seen.append(await task)
            if decides(seen[-1], local):
                break
        return tuple(seen)
    finally:
        for task in asked:
            task.cancel()
