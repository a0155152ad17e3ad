from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import Part, PublicId, ShortText
from shared.events.orders.base import Address, OptionalText, OrdersFact

OrganizationLevel = Literal["ov", "ev"]


class Organization(Part):
    """As the customer told it; a certificate says what the CA's staff verified."""

    id: PublicId
    name: ShortText
    assumed_name: OptionalText = None
    address: Address | None = None


class WishedOrganization(Part):
    """By its id, or by the details of one that may be new."""

    id: PublicId | None = None
    name: OptionalText = None
    assumed_name: OptionalText = None
    address: Address | None = None
    telephone: OptionalText = None


class VerifiedSubject(Part):
    """What the CA's staff verified: the subject of a certificate, and nothing else may stand in it."""

    level: OrganizationLevel
    organization: ShortText
    country: ShortText
    region: OptionalText = None
    city: OptionalText = None
    business_category: OptionalText = None  # this and the following stand in EV certificates
    jurisdiction_country: OptionalText = None
    jurisdiction_region: OptionalText = None
    jurisdiction_city: OptionalText = None
    registration_number: OptionalText = None


class AboutOrganization(OrdersFact):
    organization: Organization

    @property
    def subject(self) -> str:
        return f"organization/{self.organization.id}"


class OrganizationAdded(AboutOrganization):
    type: Literal["organization_added"] = "organization_added"
    division_id: PublicId
    added_by: ShortText


class OrganizationValidated(AboutOrganization):
    """From now on it may stand in certificates; told again when all of it was found out anew."""

    type: Literal["organization_validated"] = "organization_validated"
    level: OrganizationLevel
    validated_until: AwareDatetime


class OrganizationExpiring(AboutOrganization):
    """`days` before the end: 30, 14, 7 and 1."""

    type: Literal["organization_expiring"] = "organization_expiring"
    level: OrganizationLevel
    validated_until: AwareDatetime
    days: Annotated[int, Field(ge=0)]


class OrganizationExpired(AboutOrganization):
    type: Literal["organization_expired"] = "organization_expired"
    level: OrganizationLevel
    validated_until: AwareDatetime
