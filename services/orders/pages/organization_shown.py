"""What pages say of an organization: how far its validation is, and what is lacking."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeAlias

from services.orders import actions
from services.orders.models import (
    Organization,
    OrganizationCheck,
    OrganizationContact,
    OrganizationRecord,
)
from services.orders.pages.shown import Chip
from services.orders.queries import Waiting
from services.orders.rules.checklist import BY_KIND, CATEGORIES, LEVELS, SOURCES, Level
from services.orders.rules.vetting import Found, Record, judge
from shared.access import Caller

OPEN, WANTING = Chip("wait", "Open", hollow=True), Chip("bad", "Does not count")
Contacts: TypeAlias = Sequence[OrganizationContact]
CONTACT_TYPES = {
    "organization_contact": "Organization contact",
    "technical_contact": "Technical contact",
    "ev_approver": "EV approver",
    "contract_signer": "Contract signer",
}


def chip(organization: Organization, now: datetime) -> Chip:
    if not organization.is_active:
        return Chip("", "Inactive")
    if any(asked.open_since for asked in organization.validations) and not organization.is_validated("ov", now):
        return Chip("wait", "Being validated")
    validated = [level.upper() for level in LEVELS if organization.is_validated(level, now)]
    return Chip("good", f"Validated ({validated[-1]})") if validated else Chip("", "Not validated", hollow=True)


def listed(organization: Organization, now: datetime) -> dict[str, Any]:
    return {
        "organization": organization,
        "chip": chip(organization, now),
        "usable_until": organization.usable_until("ov"),
        "division": organization.division.name,
        "account": organization.account.name,
    }


def shown(
    organization: Organization,
    contacts: Sequence[OrganizationContact],
    history: Sequence[Any],
    who: Caller,
    now: datetime,
) -> dict[str, Any]:
    return {
        **listed(organization, now),
        "levels": [_level(organization, level, now) for level in LEVELS],
        "contacts": [(CONTACT_TYPES.get(each.contact_type, each.contact_type), each) for each in contacts],
        "contact_types": list(CONTACT_TYPES.items()),
        "history": history,
        "may_ask": who.role in actions.ORGANIZATION_ADDERS and organization.is_active,
        "may_edit": who.role in actions.ORGANIZATION_EDITORS and organization.is_active,
        "may_close": who.role in actions.ORGANIZATION_CLOSERS,
    }


def _level(organization: Organization, level: Level, now: datetime) -> dict[str, Any]:
    asked, verdict = organization.validation(level), organization.verdict(level)
    is_open = bool(asked and asked.open_since)
    is_good = organization.is_validated(level, now)
    if is_good:
        state = Chip("good", "Validated")
    elif is_open and organization.is_active:
        state = Chip("wait", "Being validated")
    else:
        state = Chip("", "Ended" if verdict.usable_until else "Not asked for" if asked is None else "Open", hollow=True)
    return {
        "level": level,
        "name": LEVELS[level],
        "chip": state,
        "usable_until": verdict.usable_until,
        "asked": asked,
        "is_open": is_open,
        "found": verdict.found,
    }


def waiting(row: Waiting, now: datetime) -> dict[str, Any]:
    level: Level = "ev" if row.asked.level == "ev" else "ov"
    verdict = row.organization.verdict(level)
    return {
        **listed(row.organization, now),
        "level": level.upper(),
        "open_since": row.asked.open_since,
        "asked_by": row.asked.asked_by,
        "is_renewal": verdict.is_good(now),
        "lacking": verdict.lacking,
        "has_record": row.organization.record is not None,
    }


# ── the staff's checklist ────────────────────────────────────────────────────────────────────────────────────────────


def vetted(
    organization: Organization,
    contacts: Sequence[OrganizationContact],
    former: Sequence[OrganizationCheck],
    now: datetime,
) -> dict[str, Any]:
    level = wanted(organization)
    record = organization.record
    return {
        **listed(organization, now),
        "level": level,
        "level_name": LEVELS[level],
        "verdict": organization.verdict(level),
        "record": record,
        "record_form": record_form(organization),
        "categories": [("", "None"), *((each, each) for each in CATEGORIES)],
        "items": [_item(organization, record, found, level) for found in _found(organization, level)],
        "contacts": [(CONTACT_TYPES.get(each.contact_type, each.contact_type), each) for each in contacts],
        "former": [(BY_KIND[each.kind].title, SOURCES.get(each.source, each.source), each) for each in former],
        "today": now.date(),
    }


def wanted(organization: Organization) -> Level:
    return "ev" if organization.validation("ev") else "ov"


def record_form(organization: Organization) -> dict[str, str]:
    """What the record says, else what the customer does."""
    if organization.record:
        return {name: str(value) for name, value in vars(organization.record.found).items()}
    empty = {each.name: "" for each in fields(Record)}
    told = {name: value for name, value in vars(organization.details).items() if name in empty}
    return {**empty, **told, "legal_name": organization.name, "country": organization.country.upper(), "telephone": ""}


def _found(organization: Organization, level: Level) -> Sequence[Found]:
    """The whole checklist, also before there is a record."""
    if organization.record:
        return organization.verdict(level).found
    blank = Record("", "", assumed_name=organization.assumed_name)
    return judge(level, blank, (), 0).found


def _item(organization: Organization, record: OrganizationRecord | None, found: Found, level: Level) -> dict[str, Any]:
    checks = [check for check in (record.checks if record else ()) if check.kind == found.item.kind]
    return {
        "item": found.item,
        "rule": found.item.rules[level],
        "chip": Chip("good", "Good") if found.check else OPEN if record is None or not checks else WANTING,
        "lack": found.lack,
        "usable_until": found.usable_until,
        "checks": [(SOURCES.get(check.source, check.source), check) for check in reversed(checks)],
        "sources": [(source, SOURCES[source]) for source in found.item.sources[level]],
    }
