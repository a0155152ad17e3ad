"""What clients send of organizations, with POST /organization and inside an order."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Path
from pydantic import AfterValidator, Field

from services.orders.api.fields import Id, Reference, Text, number
from services.orders.rules.checklist import LEVELS, Level
from services.orders.rules.organizations import Contact, Details, OrganizationWish
from services.orders.rules.texts import without_nul
from shared.errors import Rejected
from shared.web import Body


def _trimmed(text: str) -> str:
    return text.strip()


Short = Annotated[str, Field(max_length=255), AfterValidator(without_nul), AfterValidator(_trimmed)]


class ContactBody(Body):
    contact_type: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] = "organization_contact"
    user_id: Id = None
    first_name: Short = ""
    last_name: Short = ""
    email: Short = ""
    job_title: Short = ""
    telephone: Short = ""
    telephone_extension: Short = ""

    def contact(self, contact_type: str = "") -> Contact:
        told = self.model_dump()
        return Contact(**{**told, "contact_type": contact_type or self.contact_type})


class WishedValidation(Body):
    type: str


class DetailsBody(Body):
    name: Text = ""
    assumed_name: Text = ""
    address: Text = ""
    address2: Text = ""
    city: Text = ""
    state: Text = ""
    zip: Text = ""
    country: Text = ""
    telephone: Text = ""
    skip_duplicate_org_check: bool = False
    contacts: Annotated[tuple[ContactBody, ...], Field(max_length=20)] = ()
    organization_contact: ContactBody | None = None

    @property
    def details(self) -> Details:
        return Details(**{name: getattr(self, name) for name in Details.__dataclass_fields__})

    @property
    def people(self) -> tuple[Contact, ...]:
        """Named by type, or the one under its own field (certcentral-api 5)."""
        own = (self.organization_contact.contact("organization_contact"),) if self.organization_contact else ()
        return (*(each.contact() for each in self.contacts), *own)


class OrganizationInOrder(DetailsBody):
    """`{"id": …}`, or the details of one that may be new; the id wins."""

    id: Id = None

    def wish(self) -> OrganizationWish | None:
        if self.id is None and not any(vars(self.details).values()):
            return None
        details = None if self.id else self.details
        return OrganizationWish(self.id, details, self.skip_duplicate_org_check, self.people)


class OrganizationBody(DetailsBody):
    container: Reference = Reference()
    validations: Annotated[tuple[WishedValidation, ...], Field(max_length=20)] = ()

    def wish(self) -> OrganizationWish:
        return OrganizationWish(None, self.details, self.skip_duplicate_org_check, self.people)


class ValidationBody(Body):
    validations: Annotated[tuple[WishedValidation, ...], Field(max_length=20)] = ()


def levels(validations: Sequence[WishedValidation]) -> list[Level]:
    """Each once. Code signing, documents and mail are not sold here."""
    found: dict[Level, None] = {}
    for wished in validations:
        level = next((level for level in LEVELS if level == wished.type.strip().lower()), None)
        if level is None:
            raise Rejected(f'The validation type "{wished.type[:40]}" is not offered; use {" or ".join(LEVELS)}.')
        found[level] = None
    return list(found)


def organization_number(organization_id: Annotated[str, Path()]) -> int:
    return number(organization_id, "not_found|organization", "organization")


OrganizationNumber = Annotated[int, Depends(organization_number)]
