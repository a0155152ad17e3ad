"""Who may do what with orders: the roles of the product design, section 8. Objects out of sight are 404, not 403."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.placing import Placer
from services.orders.models import CertificateOrder, Division
from shared.access import Caller
from shared.db import locked_or_none
from shared.errors import NotFound, Rejected

READERS = ("administrator", "finance_manager", "manager", "standard_user", "limited_user", "operator")
PLACERS = ("administrator", "manager", "standard_user", "limited_user")
CANCELLERS = (*PLACERS, "operator")
APPROVERS = ("administrator", "manager", "operator")
APPROVES_OWN = ("administrator", "manager")


def may_see(caller: Caller, order: CertificateOrder) -> bool:
    in_sight = caller.may_see(order.account_id, order.division_id)
    return in_sight and (caller.role != "limited_user" or order.user_id == caller.user_id)


async def order_to_change(tx: AsyncSession, caller: Caller, order_id: int, roles: tuple[str, ...]) -> CertificateOrder:
    caller.require(*READERS)
    order = await locked_or_none(tx, CertificateOrder, order_id)
    if order is None or not may_see(caller, order):
        raise no_order(order_id)
    caller.require(*roles)
    return order


async def order_of_command(tx: AsyncSession, account_id: int, order_id: int) -> CertificateOrder:
    order = await locked_or_none(tx, CertificateOrder, order_id)
    if order is None or order.account_id != account_id:
        raise no_order(order_id)
    return order


def no_order(order_id: object) -> NotFound:
    return NotFound(f"There is no order {order_id} in this account.", "not_found|order")


async def division_to_order_for(tx: AsyncSession, caller: Caller, division_id: int | None) -> Division:
    """The one named, else the caller's first, else the account's top-level division."""
    caller.require(*PLACERS)
    wished = division_id or (caller.divisions[0] if caller.divisions else None)
    division = await (
        queries.division_of(tx, caller.account_id, wished) if wished else queries.top_level(tx, caller.account_id)
    )
    if division is None or not caller.may_see_division(division.id):
        raise NotFound(f"There is no division {wished} in this account.", "not_found|container")
    return _active(division)


async def division_of_command(tx: AsyncSession, account_id: int, division_id: int) -> Division:
    division = await queries.division_of(tx, account_id, division_id)
    if division is None:
        raise NotFound(f"There is no division {division_id} in account {account_id}.", "not_found|container")
    return _active(division)


def _active(division: Division) -> Division:
    if not division.is_active:
        raise Rejected(f"Division {division.name} is not active; order for another one.", "invalid_state")
    return division


def placer(caller: Caller) -> Placer:
    who = caller.name if caller.kind == "user" else f"{caller.name}, by API key"
    return Placer(who=who, user_id=caller.user_id, approves=caller.role in APPROVES_OWN)
