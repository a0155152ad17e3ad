"""What every act has at hand: the clients, the wire, the purse, and the table of what came of it."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from demo.progress import Progress
from demo.purse import Purse
from demo.run import Run
from demo.wire import Wire, connected

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
NAMES_OF_DEMO = re.compile(r"[a-z0-9-]+\.acme-[0-9a-z]{6}\.example")


@dataclass(frozen=True)
class Outcome:
    """A row of the summary."""

    what: str
    order: str
    amount: str
    document: str
    certificate: str = ""


@dataclass
class Stage:
    run: Run
    customer: httpx.AsyncClient
    operator: httpx.AsyncClient
    wire: Wire
    purse: Purse
    show: Progress
    mark: str  # names of this play, so that it can be played again and again
    outcomes: list[Outcome] = field(default_factory=list)
    addresses: list[tuple[str, str]] = field(default_factory=list)

    def name(self, label: str) -> str:
        """Below a domain that nobody has proven yet."""
        return f"{label}.acme-{self.mark}.example"


@asynccontextmanager
async def opened(run: Run, show: Progress) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        customer = await stack.enter_async_context(client(run, key=run.keys["administrator"]))
        operator = await stack.enter_async_context(client(run, key=run.keys["operator"]))
        wire = await stack.enter_async_context(connected(run.kafka))
        yield Stage(run, customer, operator, wire, Purse(customer, run.division_id), show, _mark())


def client(run: Run, key: str | None = None) -> httpx.AsyncClient:
    headers = {"X-DC-DEVKEY": key} if key else {}
    return httpx.AsyncClient(base_url=run.api, headers=headers, timeout=20)


def _mark() -> str:
    """The second of this play in base 36: short, and new each time."""
    rest, mark = int(time.time()), ""
    while rest:
        rest, digit = divmod(rest, 36)
        mark = DIGITS[digit] + mark
    return mark
