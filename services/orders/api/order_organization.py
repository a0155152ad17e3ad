"""The organization of an order, as far as the order's own shapes tell it."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from services.orders.models import Organization, OrganizationContact

CONTACT = ("first_name", "last_name", "email", "job_title", "telephone")


class OrganizationInRow(BaseModel):
    id: int
    name: str


class OrganizationInInfo(OrganizationInRow):
    display_name: str
    is_active: bool
    city: str
    state: str
    country: str


def organization_shown(organization: Organization) -> OrganizationInInfo:
    return OrganizationInInfo.model_validate(organization, from_attributes=True)


def contact_of(contacts: Sequence[OrganizationContact], contact_type: str) -> dict[str, Any] | None:
    found = next((each for each in contacts if each.contact_type == contact_type), None)
    return {name: getattr(found, name) for name in CONTACT} if found else None
