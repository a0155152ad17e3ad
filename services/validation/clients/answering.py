"""A remote perspective: hears of a job, looks at it from where it stands, says what it saw and nothing else."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.validation.clients.observing import Observer
from services.validation.clients.watch import ResolverWatch
from services.validation.rules.looking import Job, Observation
from shared.db import utcnow
from shared.events.validation import CheckDone, CheckWanted

log = logging.getLogger(__name__)

JOBS, OBSERVATIONS = TypeAdapter(Job), TypeAdapter(Observation)


@dataclass(frozen=True)
class Answerer:
    name: str
    region: str
    observer: Observer
    watch: ResolverWatch | None = None

    async def answer(self, wanted: CheckWanted) -> CheckDone | None:
        """None for a check that is for others, or over."""
        left = (wanted.deadline - utcnow()).total_seconds()
        if left <= 0 or (wanted.perspectives and self.name not in wanted.perspectives):
            return None
        if self.watch and self.watch.fault:
            return self._done(wanted, fault=self.watch.fault)
        try:
            async with asyncio.timeout(left):
                return self._done(wanted, observation=await self._look(wanted.job))
        except TimeoutError:
            return None
        except ValidationError:
            return self._done(wanted, fault="the job cannot be read here: this perspective is of another version")
        except Exception:
            log.exception("a check failed")
            return self._done(wanted, fault="the check failed by a defect of this perspective; its log says why")

    async def _look(self, job: dict[str, Any]) -> dict[str, Any]:
        seen = await self.observer.observe(JOBS.validate_python(job))
        plain: dict[str, Any] = OBSERVATIONS.dump_python(seen, mode="json")
        return plain

    def _done(self, wanted: CheckWanted, **seen: Any) -> CheckDone:
        return CheckDone(
            account_id=wanted.account_id,
            occurred_at=utcnow(),
            causation_id=wanted.told_id,
            check_id=wanted.check_id,
            perspective=self.name,
            region=self.region,
            **seen,
        )
