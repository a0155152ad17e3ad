from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.base import Command, CommandRefused, Event, OrderRef, Part, PublicId, ShortText
from shared.events.orders import Division, Names
from shared.events.orders.base import OptionalText
from shared.events.validation_checks import CheckDone as CheckDone
from shared.events.validation_checks import CheckWanted as CheckWanted

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
    """Control of `name` is to be proven: publish `record_value` at `record_name` (TXT) before `expires_at`. Where
    `record_type` is MAIL, mails go to the addresses in `record_value` of the domain `record_name`, and to contacts that
    its DNS names; what confirms is told to nobody else."""

    type: Literal["domain_submitted"] = "domain_submitted"
    order: OrderRef | None = None
    request_id: PublicId | None = None
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
    # Advice: what CAA would forbid if a certificate were to be issued now.
    caa_warning: str | None = None


class DomainValidationFailed(AboutDomain):
    """No proof. `final`: the attempt is over, for its token expired or a rule forbids it; else it goes on."""

    type: Literal["domain_validation_failed"] = "domain_validation_failed"
    method: ShortText
    outcome: ShortText
    message: str
    final: bool
    checks: int = 0
    next_check_at: AwareDatetime | None = None


class DcvMethodChanged(AboutDomain):
    """Of the pending attempt, or of the one that begins with it. What was to be published before is dead; publish
    `record_value` at `record_name` before `expires_at`."""

    type: Literal["dcv_method_changed"] = "dcv_method_changed"
    method_before: ShortText
    method: ShortText
    record_name: str
    record_type: ShortText = "TXT"
    record_value: str
    expires_at: AwareDatetime
    changed_by: ShortText


class AboutExpiry(AboutDomain):
    """Of the validation that serves the domain now; `revalidation_pending`: another is under way."""

    division_id: PublicId | None = None
    method: ShortText
    authorization_domain: ShortText
    evidence_id: UUID
    usable_until: AwareDatetime
    revalidation_pending: bool = False


class DomainValidationExpiring(AboutExpiry):
    """`days`: 30, 14, 7 or 1 before its end, each told once."""

    type: Literal["domain_validation_expiring"] = "domain_validation_expiring"
    days: int


class DomainValidationExpired(AboutExpiry):
    """Nothing that was proven serves this domain any more."""

    type: Literal["domain_validation_expired"] = "domain_validation_expired"


class NameRefused(Part):
    """`code`: invalid_dns_name, deactivated, unproven, caa, or not_validating."""

    name: ShortText
    message: str
    code: ShortText | None = None


class IssuanceAuthorized(ValidationFact):
    """Every name's evidence was usable and CAA permitted us when this was judged; issue before `issue_before`, or ask
    again. The ids are those of what it relies on."""

    type: Literal["issuance_authorized"] = "issuance_authorized"
    order: OrderRef
    request_id: PublicId | None = None
    names: Names
    issue_before: AwareDatetime
    evidence_ids: tuple[UUID, ...] = ()
    caa_ids: tuple[UUID, ...] = ()
    test_mode: bool = False

    @property
    def subject(self) -> str:
        return self.order.subject


class IssuanceDenied(ValidationFact):
    type: Literal["issuance_denied"] = "issuance_denied"
    order: OrderRef
    request_id: PublicId | None = None
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
    request_id: PublicId | None = None
    names: Names

    @property
    def subject(self) -> str:
        return self.order.subject


class DomainCommand(Command):
    """About a name of the account, as other systems know it."""

    topic: ClassVar[str] = COMMANDS
    name: ShortText


class SubmitDomain(DomainCommand):
    """A domain the account does not have yet is added. Without `dcv_method` the one used before."""

    type: Literal["submit_domain"] = "submit_domain"
    dcv_method: OptionalText = None
    validations: tuple[ShortText, ...] = ()
    division: Division | None = None
    organization_id: PublicId | None = None
    keep_www: bool = False
    submitted_by: ShortText = "submit_domain"


class ChangeDcvMethod(DomainCommand):
    type: Literal["change_dcv_method"] = "change_dcv_method"
    dcv_method: ShortText
    changed_by: ShortText = "change_dcv_method"


class ResendDcvEmails(DomainCommand):
    """The mails of a pending validation by e-mail once more, word for word; to `emails` of the domain's addresses, or
    to all. With another `name_scope`, the domain or one above it, mails with new values go to that one's addresses."""

    type: Literal["resend_dcv_emails"] = "resend_dcv_emails"
    emails: tuple[ShortText, ...] = ()
    name_scope: OptionalText = None
    asked_by: ShortText = "resend_dcv_emails"


class ReplaceRandomValue(Command):
    """An order's own random value is another one from now on; the one before is dead at once."""

    topic: ClassVar[str] = COMMANDS
    type: Literal["replace_random_value"] = "replace_random_value"
    order: OrderRef
    request_id: PublicId | None = None
    dcv_random_value: ShortText
    value_before: OptionalText = None

    @property
    def subject(self) -> str:
        return self.order.subject


class CheckDomain(DomainCommand):
    """One look soon; polling goes on as it was."""

    type: Literal["check_domain"] = "check_domain"
    asked_by: ShortText = "check_domain"
