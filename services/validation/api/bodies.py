"""What comes in, tolerant as certcentral-api 2.10 asks."""

from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BeforeValidator, Field

from services.validation.actions.submitting import Asking
from services.validation.rules.contacts import ANY_MAIL, MailWish
from shared.access import Caller
from shared.web import Body, now

# Contract T6: 0 and nothing mean that a field is absent.
OptionalId = Annotated[Annotated[int, Field(ge=1, lt=2**31)] | None,
                       BeforeValidator(lambda v: None if v in ("", "0", 0) else v)]  # fmt: skip
ValidationType = Annotated[Literal["ov", "ev", "cs", "ev_cs", "ds", "smime", "dv"],
                           BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v)]  # fmt: skip
Method = Annotated[str | None, Field(max_length=40)]
Scope = Annotated[Annotated[str, Field(max_length=253)] | None,
                  BeforeValidator(lambda v: v.strip(" .").lower() or None if isinstance(v, str) else v)]  # fmt: skip
Addresses = Annotated[tuple[Annotated[str, Field(max_length=254)], ...], Field(max_length=50),
                      BeforeValidator(lambda v: v or ())]  # fmt: skip


class Ref(Body):
    id: OptionalId = None


class TypeIn(Body):
    type: ValidationType


class MailIn(Body):
    """Where mails go: the domain itself or one above it, and of its addresses those that are given."""

    name_scope: Scope = None
    email_array: Addresses = ()
    locale: str | None = None

    @property
    def wish(self) -> MailWish:
        return MailWish(self.name_scope, self.email_array)


class SubmitIn(MailIn):
    """Without `dcv_method` the one used before."""

    validations: Annotated[list[TypeIn], Field(min_length=1, max_length=10)]
    dcv_method: Method = None

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(one.type for one in self.validations)


class DomainIn(SubmitIn):
    name: Annotated[str, Field(max_length=300)]
    organization: Ref | None = None
    container: Ref | None = None
    container_id: OptionalId = None
    account_id: OptionalId = None
    keep_www: bool = False

    @property
    def division_id(self) -> int | None:
        return (self.container and self.container.id) or self.container_id

    @property
    def organization_id(self) -> int | None:
        return self.organization.id if self.organization else None


def asking_of(request: Request, caller: Caller, mail: MailWish = ANY_MAIL) -> Asking:
    policy: Any = request.app.state.policy
    return Asking(policy, caller.email or caller.name, now(), mail=mail)
