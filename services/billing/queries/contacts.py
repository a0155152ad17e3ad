"""Whom each division is billed to: what was given here, or else what orders told about the account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Division
from services.billing.queries.balance import visible_division
from services.billing.queries.finance import may_read_finance, require_finance_of
from services.billing.rules.contact import as_words
from shared.access import Caller
from shared.errors import Denied, NotFound, Rejected


@dataclass(frozen=True)
class Place:
    """Where a contact is kept: at a division, or without one at the account."""

    account: Account
    division: Division | None

    @property
    def own(self) -> dict[str, Any] | None:
        return (self.division or self.account).billing_contact

    @property
    def words(self) -> dict[str, Any]:
        return as_words(self.own) if self.own else {}

    @property
    def in_force(self) -> dict[str, Any]:
        return contact_in_force(self.account, self.division)


def contact_in_force(account: Account, division: Division | None) -> dict[str, Any]:
    buyer = account.as_buyer(division)
    phones = [contact["phone"] for contact in account.contacts(division) if contact["phone"]]
    name = buyer.get("contact") or account.legal_name or account.name
    return as_words(buyer | {"name": name, "phone": phones[0] if phones else None})


async def place_of(tx: AsyncSession, caller: Caller, container_id: int | None, account_id: int | None = None) -> Place:
    """To read. `account_id` is for staff, who have no account of their own."""
    may_read_finance(caller)
    if container_id is not None:
        division = await visible_division(tx, caller, container_id)
        return Place(await tx.get_one(Account, division.account_id), division)
    wanted = account_id if caller.is_operator else caller.account_id
    if wanted is None:
        raise Rejected("Say whose contact: as an operator you see those of every account by account_id.")
    account = await tx.get(Account, wanted)
    if account is None:
        raise NotFound(f"Billing does not know account {wanted}; check its number.", "not_found|account")
    return Place(account, None)


def require_change(caller: Caller, place: Place) -> None:
    """The account's own contact bills every division, so whoever has only some of them leaves it alone."""
    if place.division is None and caller.divisions:
        raise Denied(
            "You work with some divisions of the account only; change the contact of a division, or ask an "
            "administrator of your account to change that of all."
        )
    division_id = place.division.id if place.division else place.account.top_division_id or 0
    require_finance_of(caller, place.account.id, division_id)


async def divisions_with_contact(
    tx: AsyncSession, caller: Caller, account_id: int, limit: int, after: int = 0
) -> Sequence[Division]:
    query = select(Division).where(
        Division.account_id == account_id, Division.billing_contact.is_not(None), Division.id > after
    )
    if caller.divisions and not caller.is_operator:
        query = query.where(Division.id.in_(caller.divisions))
    return (await tx.scalars(query.order_by(Division.id).limit(limit))).all()
