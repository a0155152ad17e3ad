"""The remote perspectives, asked all at once, each for at most 15 s; once it is decided the rest get 2 s (MP6)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import ValidationError

from services.validation.clients.answering import JOBS, OBSERVATIONS, Answerer
from services.validation.rules.corroboration import Agrees, Report, quorum_so_far
from services.validation.rules.looking import Job
from services.validation.rules.quorum import Standing, why_too_few
from services.validation.rules.text import cleaned
from shared.db import utcnow
from shared.events.validation import CheckDone, CheckWanted
from shared.ids import new_id
from shared.waiting import Outage, Waiting

log = logging.getLogger(__name__)

EACH_SECONDS, STRAGGLERS_SECONDS = 15.0, 2.0
NO_ANSWER = "no answer in time"


class Channel(Protocol):
    """How some perspectives are reached. A failure is an exception: OSError or TimeoutError with a sentence."""

    @property
    def names(self) -> Sequence[str]: ...

    async def ask(self, check: CheckWanted) -> Mapping[str, Awaitable[CheckDone]]: ...

    async def open(self) -> None:
        """Again and again, until it is; raises Outage where it cannot be yet."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Times:
    each: float = EACH_SECONDS
    stragglers: float = STRAGGLERS_SECONDS


class Panel:
    def __init__(
        self,
        regions: Mapping[str, str],
        channels: Sequence[Channel],
        lead: timedelta,
        times: Times = Times(),
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self.regions, self.channels, self.lead, self.times, self.clock = regions, channels, lead, times, clock
        self._waiting = Waiting("validation")

    @property
    def fault(self) -> str | None:
        """Why nothing can be validated at this date (MP4)."""
        return why_too_few(self.regions, self.clock(), self.lead)

    async def step(self) -> bool:
        for channel in self.channels:
            try:
                await channel.open()
                self._waiting.over("the perspectives")
            except Outage as outage:
                self._waiting.because("the perspectives", outage.reason)
        return False

    async def close(self) -> None:
        for channel in self.channels:
            await channel.close()

    async def ask(self, job: Job, account_id: int, agrees: Agrees) -> list[Report]:
        """One report of each, in the order they are configured. Each time from zero (MP5)."""
        begun = time.monotonic()
        check = self._check(job, account_id)
        asked = [asyncio.create_task(self._through(channel, check, begun)) for channel in self.channels]
        waiting = {task: name for tasks in await asyncio.gather(*asked) for task, name in tasks.items()}
        told = await self._collect(waiting, agrees, begun + self.times.each)
        return [told.get(name) or Report(name, region, fault=NO_ANSWER) for name, region in self.regions.items()]

    def _check(self, job: Job, account_id: int) -> CheckWanted:
        now = utcnow()
        return CheckWanted(
            account_id=account_id,
            occurred_at=now,
            check_id=new_id(),
            job=JOBS.dump_python(job, mode="json"),
            deadline=now + timedelta(seconds=self.times.each),
            perspectives=tuple(self.regions),
        )

    async def _through(self, channel: Channel, check: CheckWanted, begun: float) -> dict[asyncio.Task[Report], str]:
        try:
            async with asyncio.timeout(self.times.each):
                answers = await channel.ask(check)
        except (OSError, TimeoutError) as error:
            fault = _said(error)
            answers = {name: _failing(fault) for name in channel.names}
        return {asyncio.create_task(self._report(name, answer, check, begun)): name for name, answer in answers.items()}

    async def _report(self, name: str, answer: Awaitable[CheckDone], check: CheckWanted, begun: float) -> Report:
        region = self.regions[name]
        try:
            found = judge_label(name, region, await answer, check)
        except (OSError, TimeoutError) as error:
            found = Report(name, region, fault=_said(error))
        if found.alarm:
            log.error("a perspective is not what it says", extra={"perspective": name, "fault": found.fault})
        return replace(found, milliseconds=round((time.monotonic() - begun) * 1000))

    async def _collect(
        self, waiting: Mapping[asyncio.Task[Report], str], agrees: Agrees, until: float
    ) -> dict[str, Report]:
        told: dict[str, Report] = {}
        pending, decided = set(waiting), False
        while pending and (left := until - time.monotonic()) > 0:
            done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            told |= {waiting[task]: task.result() for task in done}
            quorum = quorum_so_far(self.regions, told.values(), agrees)
            if not decided and quorum.standing is not Standing.OPEN:
                decided, until = True, min(until, time.monotonic() + self.times.stragglers)
        for task in pending:
            task.cancel()
        return told


def judge_label(name: str, region: str, done: CheckDone, check: CheckWanted) -> Report:
    """What calls itself by another name, or stands in another region than was configured, corroborates nothing."""
    if (done.perspective, done.region) != (name, region):
        said = f"answered as {cleaned(done.perspective)} in {cleaned(done.region)}, configured is {name} in {region}"
        return Report(name, region, fault=said, alarm=True)
    if done.check_id != check.check_id:
        return Report(name, region, fault="answered to another check", alarm=True)
    if done.observation is None:
        return Report(name, region, fault=cleaned(done.fault or "saw nothing, and does not say why"))
    try:
        seen = OBSERVATIONS.validate_python(done.observation)
    except ValidationError:
        return Report(name, region, fault="its answer cannot be read: it is of another version")
    if (seen.perspective, seen.kind) != (name, check.job["kind"]):
        return Report(name, region, fault="what it says it saw is of another perspective or job", alarm=True)
    return Report(name, region, seen)


async def _failing(fault: str) -> CheckDone:
    raise OSError(fault)


def _said(error: Exception) -> str:
    return cleaned(str(error)) or NO_ANSWER


class InProcess:
    """Perspectives that are played within this process, each by a resolver of its own; for test mode only."""

    def __init__(self, answerers: Sequence[Answerer]) -> None:
        self.answerers = answerers
        self.names = [one.name for one in answerers]

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        for one in self.answerers:
            await one.observer.close()

    async def ask(self, check: CheckWanted) -> Mapping[str, Awaitable[CheckDone]]:
        return {one.name: _given(one, check) for one in self.answerers}


async def _given(answerer: Answerer, check: CheckWanted) -> CheckDone:
    done = await answerer.answer(check)
    if done is None:
        raise TimeoutError(NO_ANSWER)
    return done
