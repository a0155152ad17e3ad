"""What clients get of organizations; absent dates are left out, texts are empty (certcentral-api 5)."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.orders.api.facts import Moment
from services.orders.models import Organization, OrganizationContact, OrganizationValidation
from services.orders.rules.checklist import Level

DESCRIPTIONS: dict[Level, str] = {"ov": "Normal Organization Validation", "ev": "Extended Organization Validation"}


class ActiveContainer(BaseModel):
    id: int
    name: str
    is_active: bool


class ValidationShape(BaseModel):
    type: str
    name: str
    description: str
    date_created: Moment
    validated_until: Moment | None
    status: str


class ContactShape(BaseModel):
    id: int
    contact_type: str
    user_id: int | None
    first_name: str
    last_name: str
    email: str
    job_title: str
    telephone: str
    telephone_extension: str
    status: str


class OrganizationShape(BaseModel):
    id: int
    status: str
    name: str
    assumed_name: str
    display_name: str
    is_active: bool
    address: str
    address2: str
    zip: str
    city: str
    state: str
    country: str
    telephone: str
    date_created: Moment
    container: ActiveContainer
    validations: list[ValidationShape] | None
    account_id: int | None


class OrganizationInfo(OrganizationShape):
    contacts: list[ContactShape]


def shape(organization: Organization, with_validations: bool, for_operator: bool, now: datetime) -> OrganizationShape:
    return OrganizationShape.model_validate(_told(organization, with_validations, for_operator, now))


def info(
    organization: Organization, contacts: list[OrganizationContact], for_operator: bool, now: datetime
) -> OrganizationInfo:
    told = _told(organization, True, for_operator, now)
    return OrganizationInfo.model_validate({**told, "contacts": [_contact(each) for each in contacts]})


def validations(organization: Organization, now: datetime) -> list[ValidationShape]:
    return [_validation(organization, asked, now) for asked in organization.validations]


def _told(organization: Organization, with_validations: bool, for_operator: bool, now: datetime) -> dict[str, Any]:
    division = organization.division
    return {
        **vars(organization.details),
        "id": organization.id,
        "status": organization.status,
        "display_name": organization.display_name,
        "is_active": organization.is_active,
        "date_created": organization.created_at,
        "container": {"id": division.id, "name": division.name, "is_active": division.is_active},
        "validations": validations(organization, now) if with_validations else None,
        "account_id": organization.account_id if for_operator else None,
    }


def _validation(organization: Organization, asked: OrganizationValidation, now: datetime) -> ValidationShape:
    level: Level = "ev" if asked.level == "ev" else "ov"
    until = organization.usable_until(level)
    ended = until is not None and until <= now
    return ValidationShape(
        type=level,
        name=level.upper(),
        description=DESCRIPTIONS[level],
        date_created=asked.asked_at,
        validated_until=until,
        status="expired" if ended else "active" if until else "pending",
    )


def _contact(contact: OrganizationContact) -> dict[str, Any]:
    told = {name: getattr(contact, name) for name in ContactShape.model_fields if name != "status"}
    return {**told, "status": "active"}
