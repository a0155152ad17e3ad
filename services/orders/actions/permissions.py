"""Who may do what with orders, by role. Objects out of sight are 404, not 403."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.requesting import Placer
from services.orders.models import CertificateOrder, Division, OrderRequest
from shared.access import Caller
from shared.db import locked_or_none
from shared.errors import Denied, NotFound, Rejected

READERS = ("administrator", "finance_manager", "manager", "standard_user", "limited_user", "operator")
PLACERS = ("administrator", "manager", "standard_user", "limited_user")
CANCELLERS = (*PLACERS, "operator")
APPROVERS = ("administrator", "manager", "operator")
FINANCE = ("administrator", "finance_manager", "manager", "operator")
APPROVES_OWN = ("administrator", "manager")
REVOKES_ALONE = ("administrator", "operator")  # where they skip the approval (contract 4.6)


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


async def request_to_decide(tx: AsyncSession, caller: Caller, request_id: int) -> OrderRequest:
    """Its order is locked first, and an open request read again under that lock."""
    found = await queries.request(tx, request_id)
    if found is None:
        caller.require(*READERS)
        raise no_request(request_id)
    order = await order_to_change(tx, caller, found.order_id, READERS)
    if found.user_id == caller.user_id and caller.role not in APPROVES_OWN:
        raise Denied("You asked for this yourself; a manager or administrator of the account decides it.")
    caller.require(*APPROVERS)
    return order.open_request(request_id) or found


async def order_of_command(tx: AsyncSession, account_id: int, order_id: int) -> CertificateOrder:
    order = await locked_or_none(tx, CertificateOrder, order_id)
    if order is None or order.account_id != account_id:
        raise no_order(order_id)
    return order


def no_order(order_id: object) -> NotFound:
    return NotFound(f"There is no order {order_id} in this account.", "not_found|order")


def no_request(request_id: object) -> NotFound:
    return NotFound(f"There is no request {request_id} in this account.", "not_found|request")


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
    return Placer(who=who, user_id=caller.user_id, approves=caller.role in APPROVES_OWN, divisions=caller.divisions)
