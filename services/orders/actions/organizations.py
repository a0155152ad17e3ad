"""What a customer does with organizations. Two that are the same become one, also when they are added at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.requesting import Placer
from services.orders.models import CertificateOrder, Division, Organization, OrganizationContact, OrganizationEntry
from services.orders.rules import organizations as rules
from services.orders.rules.checklist import LEVELS, Level
from services.orders.rules.organizations import Contact, Details, OrganizationWish
from shared import audit
from shared.db import add, append, known, locked
from shared.errors import NotFound, Rejected
from shared.events import orders as facts
from shared.ids import new_id
from shared.outbox import announce

MOST_CONTACTS = 20
SEVERAL = ("ev_approver", "contract_signer")  # of other types there is one


async def add_organization(
    tx: AsyncSession, division: Division, wish: OrganizationWish, levels: Sequence[Level], by: Placer, now: datetime
) -> Organization:
    """The one of the account that is the same already, else a new one."""
    if wish.details is None:
        raise Rejected("An organization is added by its name, address, city and country; give them.")
    details = rules.checked(wish.details)
    await queries.lock_alike(tx, [(division.account_id, details.match_key)])
    same = None if wish.skip_duplicate_check else await queries.alike(tx, division.account_id, details.match_key, now)
    organization = same if same else await _new(tx, division, details, by, now)
    await use_organization(tx, organization, wish.contacts, levels, by.who, now)
    return organization


async def use_organization(
    tx: AsyncSession,
    organization: Organization,
    contacts: Sequence[Contact],
    levels: Sequence[Level],
    who: str,
    now: datetime,
) -> None:
    """Only what is needed is asked of the staff: one that is validated for long is not looked at again for each order,
    and its row is locked by none of them."""
    organization.refuse_inactive("used")
    needed = [level for level in levels if organization.needs(level, now)]
    if needed or contacts:
        await locked(tx, Organization, organization.id)
    await set_contacts(tx, organization, contacts, now)
    for level in needed:
        ask_validation(tx, organization, level, who, now)


async def organization_to_order_for(
    tx: AsyncSession, division: Division, wish: OrganizationWish | None, level: Level, by: Placer, now: datetime
) -> Organization:
    """The one meant by an order: by its id, by its details, or the account's only one (certcentral-api 4.1)."""
    if wish is None:
        organization = await _only_one(tx, division.account_id, level)
    elif wish.id is not None:
        organization = await _named(tx, division.account_id, wish.id, by)
    else:
        return await add_organization(tx, division, wish, [level], by, now)
    await use_organization(tx, organization, wish.contacts if wish else (), [level], by.who, now)
    return organization


async def ask_for_order(tx: AsyncSession, order: CertificateOrder, who: str, now: datetime) -> None:
    """A further certificate of an order whose organization is validated no more, or not for long."""
    if order.organization and order.level and order.organization.is_active:
        await use_organization(tx, order.organization, (), [order.level], who, now)


async def _only_one(tx: AsyncSession, account_id: int, level: Level) -> Organization:
    organization = await queries.only_active(tx, account_id)
    if organization is None:
        raise Rejected(
            f'This product needs an organization ({level.upper()}): give "organization" with its id or its details; '
            "it may be left out only where the account has exactly one active organization."
        )
    return organization


async def _named(tx: AsyncSession, account_id: int, organization_id: int, by: Placer) -> Organization:
    organization = await known(tx, Organization, organization_id)
    is_seen = organization is not None and (not by.divisions or organization.division_id in by.divisions)
    if organization is None or organization.account_id != account_id or not is_seen:
        raise no_organization(organization_id)
    return organization


def no_organization(organization_id: object) -> NotFound:
    return NotFound(f"There is no organization {organization_id} in this account.", "not_found|organization")


async def _new(tx: AsyncSession, division: Division, details: Details, by: Placer, now: datetime) -> Organization:
    organization = Organization(
        id=await queries.take_id(tx, Organization),
        account_id=division.account_id,
        account=division.account,
        division_id=division.id,
        division=division,
        match_key=details.match_key,
        created_at=now,
        created_by=by.who,
        record=None,
        validations=[],
        **vars(details),
    )
    add(tx, organization)
    queries.remember_alike(tx, organization)
    tell(tx, organization, now, "plain", "Added", by.who)
    announce(
        tx,
        facts.OrganizationAdded(
            account_id=organization.account_id, occurred_at=now, causation_id=by.causation_id,
            organization=organization.as_fact(), division_id=division.id, added_by=by.who[:255],
        ),
    )  # fmt: skip
    return organization


def ask_validation(tx: AsyncSession, organization: Organization, level: Level, who: str, now: datetime) -> None:
    if organization.ask(level, who, now):
        tell(tx, organization, now, "wait", f"{LEVELS[level]} asked for; our staff look at it", who)


async def change_organization(
    tx: AsyncSession, organization: Organization, told: Details, who: str, now: datetime
) -> None:
    details, before = rules.checked(told), organization.details
    await queries.lock_alike(tx, [(organization.account_id, details.match_key)])
    was_validated = organization.is_validated("ov", now)
    if not organization.change(details, now):
        return
    _keep(tx, organization, who, "organization changed", vars(before), vars(details), now)
    lost = "; what was validated no longer holds, our staff look at it anew" if was_validated else ""
    tell(tx, organization, now, "wait" if lost else "plain", f"Changed{lost}", who)


def deactivate_organization(tx: AsyncSession, organization: Organization, who: str, now: datetime) -> None:
    if organization.deactivate(now):
        _keep(tx, organization, who, "organization deactivated", None, {"status": organization.status}, now)
        tell(tx, organization, now, "bad", "Deactivated; no certificate is issued for it", who)


def activate_organization(tx: AsyncSession, organization: Organization, who: str, now: datetime) -> None:
    if organization.activate(now):
        _keep(tx, organization, who, "organization activated", None, {"status": organization.status}, now)
        tell(tx, organization, now, "good", "Activated", who)


async def set_contacts(tx: AsyncSession, organization: Organization, told: Sequence[Contact], now: datetime) -> None:
    """A new one of a type replaces the former, where there is one of it; who is known already is not added again."""
    if not told:
        return
    given = [await _filled(tx, organization, contact) for contact in told]
    kept = list(await queries.contacts_of(tx, organization.id))
    for contact in given:
        if any(_same(row, contact) for row in kept):
            continue
        for row in kept:
            if row.contact_type == contact.contact_type and row.contact_type not in SEVERAL:
                row.removed_at = now
        kept = [row for row in kept if row.removed_at is None]
        kept.append(await _add_contact(tx, organization, contact, now))
    if len(kept) > MOST_CONTACTS:
        raise Rejected(f"An organization has at most {MOST_CONTACTS} contacts; send fewer.")


async def _filled(tx: AsyncSession, organization: Organization, contact: Contact) -> Contact:
    if contact.user_id is None:
        if not (contact.last_name or contact.first_name):
            raise Rejected(f"The contact {contact.contact_type} has neither user_id nor a name; give one of them.")
        return contact
    user = await queries.user_of_account(tx, organization.account_id, contact.user_id)
    if user is None:
        raise Rejected(f"The contact {contact.contact_type} names user {contact.user_id}, whom this account has not.")
    return replace(contact, first_name=user.first_name, last_name=user.last_name, email=user.email)


def _same(row: OrganizationContact, contact: Contact) -> bool:
    return all(getattr(row, name) == value for name, value in vars(contact).items())


async def _add_contact(
    tx: AsyncSession, organization: Organization, contact: Contact, now: datetime
) -> OrganizationContact:
    contact_id = await queries.take_id(tx, OrganizationContact)
    return add(tx, OrganizationContact(id=contact_id, organization_id=organization.id, added_at=now, **vars(contact)))


def tell(
    tx: AsyncSession,
    organization: Organization,
    at: datetime,
    kind: Literal["good", "wait", "bad", "plain"],
    sentence: str,
    who: str = "Issuary",
) -> None:
    append(
        tx, OrganizationEntry, id=new_id(), organization_id=organization.id, at=at, who=who, kind=kind,
        sentence=sentence,
    )  # fmt: skip


def _keep(
    tx: AsyncSession, organization: Organization, who: str, what: str, before: object, after: object, now: datetime
) -> None:
    audit.note(tx, who, what, f"organization/{organization.id}", before, after, now)
