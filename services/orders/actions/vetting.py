"""What the CA's staff do: the verified record, the checks of it, and what is told of their end."""

from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.organizations import tell
from services.orders.models import Organization, OrganizationCheck, OrganizationRecord, OrganizationValidation
from services.orders.rules.checklist import BY_KIND, CATEGORIES, LEVELS, SOURCES, Item, Level
from services.orders.rules.organizations import country_code
from services.orders.rules.texts import is_one_line
from services.orders.rules.vetting import REUSE, Record, people
from shared import audit
from shared.access import Caller
from shared.db import locked
from shared.errors import Denied, Rejected
from shared.events import orders as facts
from shared.ids import new_id
from shared.outbox import announce

LONGEST = {"legal_name": 64, "assumed_name": 64, "address": 128, "city": 128, "state": 128, "zip": 40, "telephone": 32,
           "business_category": 64, "jurisdiction_country": 2, "jurisdiction_state": 128, "jurisdiction_city": 128,
           "registration_number": 64, "country": 2}  # fmt: skip
LONGEST_NAME = 64  # X.520: ub-organization-name
LONGEST_EVIDENCE = 4000
TOLD_AT_ONCE = 50


@dataclass(frozen=True)
class CheckWish:
    kind: str
    source: str
    evidence: str
    checked_on: date
    passed: bool = True


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────────


def enter_record(tx: AsyncSession, organization: Organization, told: Record, by: Caller, now: datetime) -> None:
    """The checks of the former record were about other words: they are kept, and no longer count."""
    organization.refuse_inactive("validated")
    found = _checked_record(told)
    former = organization.record
    if former and former.found == found:
        return
    organization.record = OrganizationRecord(
        id=new_id(), organization_id=organization.id, entered_at=now, entered_by=by.name, entered_by_user=by.user_id,
        checks=[], **vars(found),
    )  # fmt: skip
    before = vars(former.found) if former else None
    audit.note(tx, by.name, "organization record", f"organization/{organization.id}", before, vars(found), now)
    tell(tx, organization, now, "plain", f"Verified record entered: {found.organization_name}", by.name)
    for asked in organization.validations:
        if asked.told_until:
            asked.reopen(now)


def _checked_record(told: Record) -> Record:
    kept = Record(**{each.name: getattr(told, each.name).strip() for each in fields(Record)})
    for name, most in LONGEST.items():
        _check_text(name.replace("_", " "), getattr(kept, name), most)
    if not kept.legal_name:
        raise Rejected("The record has no legal name; enter it as the register has it.")
    if len(kept.organization_name) > LONGEST_NAME:
        raise Rejected(
            f"Assumed and legal name have together at most {LONGEST_NAME} characters with their brackets, these have "
            f"{len(kept.organization_name)}; leave the assumed name out."
        )
    if kept.business_category and kept.business_category not in CATEGORIES:
        raise Rejected(f"The business category is one of {', '.join(CATEGORIES)}.")
    if not (kept.city or kept.state):
        raise Rejected("The record has neither city nor state; a certificate needs one of them.")
    jurisdiction = country_code(kept.jurisdiction_country) if kept.jurisdiction_country else ""
    return Record(**{**vars(kept), "country": country_code(kept.country), "jurisdiction_country": jurisdiction})


def _check_text(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise Rejected(f"The record's {what} has at most {most} characters, this one has {len(text)}.")
    if not is_one_line(text):
        raise Rejected(f"The record's {what} is one line; take out line breaks and hidden characters.")


# ── a check ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def record_check(tx: AsyncSession, organization: Organization, wish: CheckWish, by: Caller, now: datetime) -> bool:
    """True where a level is validated by it that was not before. The caller holds the organization's lock."""
    organization.refuse_inactive("validated")
    record = organization.record
    if record is None:
        raise Rejected("Enter the verified record first: a check is about what it says.", "invalid_state")
    item = _checked(wish, now)
    _refuse_the_same_person(record, item, by)
    check = OrganizationCheck(
        id=new_id(), record_id=record.id, recorded_at=now, recorded_by=by.name, recorded_by_user=by.user_id,
        **{**vars(wish), "evidence": wish.evidence.strip()},
    )  # fmt: skip
    record.checks.append(check)
    told = {"check": str(check.id), "kind": wish.kind, "passed": wish.passed, "source": wish.source}
    audit.note(tx, by.name, "organization check", f"organization/{organization.id}", None, told, now)
    result = "found good" if wish.passed else "found wanting"
    tell(tx, organization, now, "plain" if wish.passed else "bad", f"{item.title} {result}", by.name)
    is_news = any([_note_verdict(tx, organization, asked, now) for asked in organization.validations])
    organization.go_on_at = now if is_news else organization.go_on_at
    return is_news


def _checked(wish: CheckWish, now: datetime) -> Item:
    item = BY_KIND.get(wish.kind)
    if item is None:
        raise Rejected(f'There is no check "{wish.kind[:40]}"; use {", ".join(BY_KIND)}.')
    sources = {source for allowed in item.sources.values() for source in allowed}
    if wish.source not in sources:
        raise Rejected(f"{item.title}: choose where it was found: {', '.join(SOURCES[each] for each in sources)}.")
    if not wish.evidence.strip() or len(wish.evidence) > LONGEST_EVIDENCE or "\0" in wish.evidence:
        raise Rejected(f"{item.title}: say in 1 to {LONGEST_EVIDENCE} characters what was found, and where it is kept.")
    if wish.checked_on > now.date():
        raise Rejected(f"{item.title}: {wish.checked_on} is still to come; enter the day on which it was found out.")
    if now.date() - wish.checked_on >= REUSE:
        raise Rejected(f"{item.title}: {wish.checked_on} is {REUSE.days} days ago or more; find it out anew.")
    return item


def _refuse_the_same_person(record: OrganizationRecord, item: Item, by: Caller) -> None:
    """EVG 11.13: two persons for EV."""
    others = [check.as_seen() for check in record.checks if not BY_KIND[check.kind].by_another]
    if item.by_another and by.user_id in people(others, record.entered_by_user):
        raise Denied(
            f"{item.title}: you entered the record or made one of its checks; a second person reviews them.",
            "access_denied|second_person",
        )


def _note_verdict(tx: AsyncSession, organization: Organization, asked: OrganizationValidation, now: datetime) -> bool:
    level: Level = "ev" if asked.level == "ev" else "ov"
    verdict = organization.verdict(level)
    if until := asked.note_verdict(verdict, now):
        _say_validated(tx, organization, level, until, now)
        return True
    if asked.told_until and not verdict.is_good(now):
        asked.reopen(now)
        what = ", ".join(verdict.lacking).lower() or verdict.lack
        tell(tx, organization, now, "bad", f"No longer validated ({level.upper()}): {what}")
    return False


def _say_validated(tx: AsyncSession, organization: Organization, level: Level, until: datetime, now: datetime) -> None:
    tell(tx, organization, now, "good", f"{LEVELS[level]} complete, usable until {until:%Y-%m-%d}")
    _announce(tx, facts.OrganizationValidated, organization, level, until, now)


def _announce(
    tx: AsyncSession,
    fact: type[facts.OrganizationValidated] | type[facts.OrganizationExpiring] | type[facts.OrganizationExpired],
    organization: Organization,
    level: Level,
    until: datetime,
    now: datetime,
    **more: int,
) -> None:
    said = {"account_id": organization.account_id, "occurred_at": now, "organization": organization.as_fact()}
    announce(tx, fact.model_validate({**said, "level": level, "validated_until": until, **more}))


# ── its end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def tell_organizations(tx: AsyncSession, now: datetime) -> bool:
    """Each warning, and the end, once."""
    due = await queries.due_to_tell(tx, now, TOLD_AT_ONCE)
    for organization in due:
        for asked in organization.validations:
            if asked.look_at and asked.look_at <= now:
                _tell_of(tx, organization, asked, now)
    return len(due) == TOLD_AT_ONCE


def _tell_of(tx: AsyncSession, organization: Organization, asked: OrganizationValidation, now: datetime) -> None:
    if not organization.is_active:
        asked.look_at = None  # told when it is active again
        return
    level: Level = "ev" if asked.level == "ev" else "ov"
    until = organization.usable_until(level)
    if until is None or until <= now:
        if ended := asked.close():
            _say_expired(tx, organization, level, until or ended, now)
        return
    days = asked.look_again(until, now)
    if days is not None:
        _say_expiring(tx, organization, level, until, days, now)


def _say_expiring(
    tx: AsyncSession, organization: Organization, level: Level, until: datetime, days: int, now: datetime
) -> None:
    left = "1 day" if days == 1 else f"{days} days"
    tell(tx, organization, now, "wait", f"{LEVELS[level]} ends in {left}, on {until:%Y-%m-%d}; our staff renew it")
    _announce(tx, facts.OrganizationExpiring, organization, level, until, now, days=days)


def _say_expired(tx: AsyncSession, organization: Organization, level: Level, until: datetime, now: datetime) -> None:
    tell(tx, organization, now, "bad", f"{LEVELS[level]} ended on {until:%Y-%m-%d}")
    _announce(tx, facts.OrganizationExpired, organization, level, until, now)


async def go_on_with_orders(tx: AsyncSession, now: datetime) -> bool:
    """Orders that waited for an organization. A step of its own, so that everybody locks the order first and then its
    organization."""
    found = await queries.next_to_go_on(tx)
    if found is None:
        return False
    organization_id, since = found
    await queries.go_on_with_orders_of(tx, organization_id, now)
    organization = await locked(tx, Organization, organization_id)
    if organization.go_on_at == since:
        organization.go_on_at = None
    return True
