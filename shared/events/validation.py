from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.base import Command, CommandRefused, Event, OrderRef, Part, PublicId, ShortText
from shared.events.orders import Names

TOPIC = "validation.events.v1"
COMMANDS = "validation.commands.v1"
SOURCE = "issuary/validation"


class ValidationFact(Event):
    topic: ClassVar[str] = TOPIC
    source: ShortText = SOURCE


class AboutDomain(ValidationFact):
    domain_id: PublicId
    name: ShortText

    @property
    def subject(self) -> str:
        return f"domain/{self.domain_id}"


class DomainSubmitted(AboutDomain):
    """Control of `name` is to be proven: publish `record_value` at `record_name` (TXT) before `expires_at`."""

    type: Literal["domain_submitted"] = "domain_submitted"
    order: OrderRef | None = None
    method: ShortText
    record_name: str
    record_type: ShortText = "TXT"
    record_value: str
    expires_at: AwareDatetime


class DomainValidated(AboutDomain):
    """News, never an authorisation: what may be issued is judged by `authorize_issuance` at that moment."""

    type: Literal["domain_validated"] = "domain_validated"
    method: ShortText
    authorization_domain: ShortText
    evidence_id: UUID
    observed_at: AwareDatetime
    usable_until: AwareDatetime
    test_mode: bool = False


class DomainValidationFailed(AboutDomain):
    """No proof. `final`: the attempt is over, for its token expired or a rule forbids it; else it goes on."""

    type: Literal["domain_validation_failed"] = "domain_validation_failed"
    method: ShortText
    outcome: ShortText
    message: str
    final: bool
    checks: int = 0
    next_check_at: AwareDatetime | None = None


class NameRefused(Part):
    name: ShortText
    message: str


class IssuanceAuthorized(ValidationFact):
    """Every name's evidence was usable when this was judged; issue before `issue_before`, or ask again."""

    type: Literal["issuance_authorized"] = "issuance_authorized"
    order: OrderRef
    names: Names
    issue_before: AwareDatetime
    evidence_ids: tuple[UUID, ...] = ()
    test_mode: bool = False

    @property
    def subject(self) -> str:
        return self.order.subject


class IssuanceDenied(ValidationFact):
    type: Literal["issuance_denied"] = "issuance_denied"
    order: OrderRef
    refused: tuple[NameRefused, ...]

    @property
    def subject(self) -> str:
        return self.order.subject


class ValidationCommandRefused(ValidationFact, CommandRefused):
    type: Literal["command_refused"] = "command_refused"


class AuthorizeIssuance(Command):
    topic: ClassVar[str] = COMMANDS
    type: Literal["authorize_issuance"] = "authorize_issuance"
    order: OrderRef
    names: Names

    @property
    def subject(self) -> str:
        return self.order.subject
