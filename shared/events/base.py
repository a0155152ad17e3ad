"""What every fact and command has in common. CloudEvents names: `docs/events.md`."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints

from shared.ids import new_id

OURS = "issuary/"

# Public numeric ids fit a 32-bit signed integer; clients hold them so.
PublicId = Annotated[int, Field(ge=1, lt=2**31)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Part(BaseModel):
    """A value inside an event. Readers ignore what they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Part):
    """Integer minor units (cents for EUR) with an ISO 4217 code."""

    amount: Annotated[int, Field(ge=-(2**62), le=2**62)]
    currency: Currency


class OrderRef(Part):
    """An order is (source, id) everywhere: another system's numbers may equal ours."""

    source: ShortText = "issuary/orders"
    id: PublicId

    @property
    def subject(self) -> str:
        return f"order/{self.id}" if self.source.startswith(OURS) else f"order/{self.source}:{self.id}"


class Event(Part):
    topic: ClassVar[str]

    type: str
    id: UUID = Field(default_factory=new_id)
    source: ShortText
    occurred_at: AwareDatetime
    account_id: Annotated[int, Field(ge=0, lt=2**31)]
    causation_id: str | None = None

    _told_id: str | None = PrivateAttr(default=None)

    @property
    def subject(self) -> str:
        """The thing this is about, and the scope of parking; computed here, never taken from a record."""
        return f"account/{self.account_id}"

    @property
    def key(self) -> str:
        """The Kafka key."""
        return str(self.account_id)

    @property
    def told_id(self) -> str:
        """The id its producer gave it; differs from `id` where a foreign id was mapped to a UUID."""
        return self._told_id or str(self.id)

    def called(self, told_id: str) -> None:
        self._told_id = told_id

    def contradiction(self) -> str | None:
        """A sentence where two fields cannot both be true."""
        return None


class CommandRefused(Event):
    """The answer to a command that a rule refused. Its topic is the answering service's."""

    command_id: str
    command_type: str
    code: str
    message: str

    @property
    def subject(self) -> str:
        return f"command/{self.command_id}"


class Command(Event):
    source: ShortText = "unknown"
    occurred_at: AwareDatetime = Field(default_factory=lambda: datetime.now().astimezone())

    @property
    def subject(self) -> str:
        return f"command/{self.id}"
