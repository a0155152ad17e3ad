from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.administration import division_in_sight, require_manager
from services.orders.actions.credentials import announce_user, tell_again
from services.orders.models import Account, Division
from services.orders.rules import people
from services.orders.rules.products import product
from shared import audit
from shared.access import Caller
from shared.db import add, locked
from shared.errors import Conflict
from shared.events import orders as facts
from shared.ids import new_id
from shared.outbox import announce

MOST = 1000  # of one account, so that its tree is one page


@dataclass(frozen=True)
class DivisionChange:
    """What is not named stays as it is."""

    name: str | None = None
    description: str | None = None
    is_active: bool | None = None
    product_name_ids: tuple[str, ...] | None = None


async def add_division(tx: AsyncSession, parent: Division, name: str, now: datetime, description: str = "") -> Division:
    division = await new_division(tx, parent.account, name, parent.id, now, description)
    await tx.flush()  # what refers to it may follow in the same transaction
    announce(tx, facts.DivisionAdded(account_id=parent.account_id, occurred_at=now, division=division.as_fact()))
    if parent.parent_id:
        await _show(tx, parent, division, now)
    return division


async def _show(tx: AsyncSession, parent: Division, division: Division, now: datetime) -> None:
    """To whoever is assigned what it is below: every service learns it by their credentials."""
    users = await queries.lock_users_seeing(tx, parent)
    for user in users:
        user.see(division.id)
        announce_user(tx, user, now)
    await tell_again(tx, users, parent.account, now)


async def new_division(
    tx: AsyncSession, account: Account, name: str, parent_id: int | None, now: datetime, description: str = ""
) -> Division:
    division = Division(
        id=await queries.take_id(tx, Division),
        public_id=new_id(),
        account_id=account.id,
        account=account,
        parent_id=parent_id,
        name=people.needed(name, "The name of the division"),
        description=description,
        product_name_ids=[],
        is_active=True,
        created_at=now,
    )
    return add(tx, division)


async def create_division(
    tx: AsyncSession, caller: Caller, parent_id: int, name: str, description: str, now: datetime
) -> Division:
    parent = await _to_manage(tx, caller, parent_id)
    siblings = await queries.divisions_of(tx, parent.account_id)
    if not parent.is_active:
        raise Conflict(f"{parent.name} is not active; add the division to another one.")
    if len(siblings) >= MOST:
        raise Conflict(f"An account has at most {MOST} divisions; rename one that is of no more use.")
    _require_free(name, parent.id, siblings)
    division = await add_division(tx, parent, name, now, people.one_line(description, "The description", 500))
    audit.note(tx, caller.email, "division added", f"division/{division.id}", None, _said(division), now)
    return division


async def change_division(
    tx: AsyncSession, caller: Caller, division_id: int, change: DivisionChange, now: datetime
) -> Division:
    division = await _to_manage(tx, caller, division_id)
    others = [one for one in await queries.divisions_of(tx, division.account_id) if one.id != division.id]
    before = _said(division)
    if change.name is not None:
        _require_free(change.name, division.parent_id, others)
        division.name = people.needed(change.name, "The name of the division")
    if change.description is not None:
        division.description = people.one_line(change.description, "The description", 500)
    if change.product_name_ids is not None:
        division.product_name_ids = [product(name_id).name_id for name_id in dict.fromkeys(change.product_name_ids)]
    if change.is_active is not None and change.is_active != division.is_active:
        _switch(division, others, change.is_active)
    if _said(division) != before:
        audit.note(tx, caller.email, "division changed", f"division/{division.id}", before, _said(division), now)
        _announce_changed(tx, division, now)
    return division


def _announce_changed(tx: AsyncSession, division: Division, now: datetime) -> None:
    announce(tx, facts.DivisionChanged(account_id=division.account_id, occurred_at=now, division=division.as_fact()))


async def _to_manage(tx: AsyncSession, caller: Caller, division_id: int) -> Division:
    """The account's row is the lock of its tree."""
    division = await division_in_sight(tx, caller, division_id)
    require_manager(caller)
    await locked(tx, Account, division.account_id)
    await tx.refresh(division)
    return division


def _switch(division: Division, others: list[Division], is_active: bool) -> None:
    if is_active:
        division.activate(next((one for one in others if one.id == division.parent_id), None))
    else:
        division.deactivate(any(one.is_active for one in others if one.parent_id == division.id))


def _require_free(name: str, parent_id: int | None, others: Any) -> None:
    wanted = " ".join(name.split()).casefold()
    if any(one.parent_id == parent_id and one.name.casefold() == wanted for one in others):
        raise Conflict(f'There is a division "{name[:80]}" there already; give another name.', "name_exists")


def _said(division: Division) -> dict[str, Any]:
    names = ("name", "description", "is_active", "product_name_ids")
    return {name: getattr(division, name) for name in names}
