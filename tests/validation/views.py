"""A primary and remote perspectives, each with a scripted DNS server of its own, in one process."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from services.validation.clients.answering import Answerer
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.observing import PRIMARY, Observer
from services.validation.clients.panel import InProcess, Panel, Times
from services.validation.rules.policy import Policy
from services.validation.worker import Gate, Looker
from shared.events.validation import CheckDone, CheckWanted
from tests.conftest import World
from tests.validation.dns_server import DnsServer, Script
from tests.validation.makers import NOW, a_test_policy

REGIONS = {"fra": "RIPE NCC", "nyc": "ARIN", "sin": "APNIC", "sao": "LACNIC", "jnb": "AFRINIC"}
QUICK = Times(each=1.0, stragglers=0.1)
# Where every answer counts, however slow the machine: nobody is silent there, so nobody waits either.
PATIENT = Times(each=20.0, stragglers=10.0)
LOCAL = ("example", "test")

Changed = Callable[[CheckDone], CheckDone | None]


@dataclass
class Views:
    """`lies`: what a perspective makes of its answer before it says it; None keeps silent."""

    primary: DnsServer
    remotes: Mapping[str, DnsServer]
    regions: Mapping[str, str]
    lies: dict[str, Changed] = field(default_factory=dict)
    asked: list[CheckWanted] = field(default_factory=list)
    times: Times = QUICK

    def everywhere(self, name: str, script: Script) -> None:
        for view in (self.primary, *self.remotes.values()):
            view.scripts[name] = script

    def only_at(self, places: str, name: str, script: Script) -> None:
        """From here and from those places; the others see nothing."""
        for place in ("primary", *places.split()):
            (self.primary if place == "primary" else self.remotes[place]).scripts[name] = script

    def panel(self, times: Times | None = None) -> Panel:
        answerers = [self._answerer(name) for name in self.remotes]
        return Panel(self.regions, [InProcess(answerers)], timedelta(days=1), times or self.times, lambda: NOW)

    def looker(self, world: World, policy: Policy | None = None) -> Looker:
        policy = policy or a_test_policy()
        return Looker(world.validation.db, self._observer(self.primary), policy, 200, None, self.panel())

    def gate(self, world: World, policy: Policy | None = None) -> Gate:
        policy = policy or a_test_policy()
        return Gate(world.validation.db, self._observer(self.primary), policy, None, self.panel())

    async def look(self, world: World) -> None:
        looker = self.looker(world)
        while await looker.step():
            pass

    async def answer_questions(self, world: World, policy: Policy | None = None) -> None:
        gate = self.gate(world, policy)
        while await gate.step():
            pass

    def _answerer(self, name: str) -> "Liar":
        observer = self._observer(self.remotes[name], name)
        return Liar(name, self.regions[name], observer, town=self)

    def _observer(self, view: DnsServer, name: str = PRIMARY) -> Observer:
        patience = 0.2 if self.times is QUICK else 5.0
        return Observer(DnsClient([Resolver(*view.address)], patience), name, local=LOCAL)


@dataclass(frozen=True)
class Liar(Answerer):
    town: Views | None = None

    async def answer(self, wanted: CheckWanted) -> CheckDone | None:
        assert self.town
        self.town.asked.append(wanted)
        done = await super().answer(wanted)
        lie = self.town.lies.get(self.name)
        return lie(done) if done and lie else done


@asynccontextmanager
async def views(regions: Mapping[str, str] = REGIONS, times: Times = QUICK) -> AsyncIterator[Views]:
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(DnsServer())
        remotes = {name: await stack.enter_async_context(DnsServer()) for name in regions}
        yield Views(primary, remotes, regions, times=times)


def moved(**changes: object) -> Changed:
    return lambda done: done.model_copy(update=changes)


def renamed(perspective: str) -> Changed:
    """Says that it is another, in what it saw as well."""

    def lie(done: CheckDone) -> CheckDone:
        seen = {**(done.observation or {}), "perspective": perspective}
        return done.model_copy(update={"perspective": perspective, "observation": seen})

    return lie
