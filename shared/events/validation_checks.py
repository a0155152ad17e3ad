"""Work for remote perspectives and their answers. They are spoken straight, without an outbox: what is lost is asked
again from zero (BR 3.2.2.9), and what comes late is worth nothing."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.base import Event, ShortText

CHECKS, RESULTS = "validation.checks.v1", "validation.check-results.v1"


class Check(Event):
    source: ShortText = "issuary/validation"
    check_id: UUID

    @property
    def subject(self) -> str:
        return f"check/{self.check_id}"


class CheckWanted(Check):
    """Every perspective named (all, where none is) looks at `job` from where it stands and says before `deadline` what
    it saw."""

    topic: ClassVar[str] = CHECKS
    type: Literal["check_wanted"] = "check_wanted"
    job: dict[str, Any]
    deadline: AwareDatetime
    perspectives: tuple[ShortText, ...] = ()


class CheckDone(Check):
    """What a perspective saw, not what it proves: that is judged in one place. `fault`: why it did not look."""

    topic: ClassVar[str] = RESULTS
    type: Literal["check_done"] = "check_done"
    perspective: ShortText
    region: ShortText
    observation: dict[str, Any] | None = None
    fault: str | None = None
