"""How many orders there are, in a state or in all: from the changes that are kept of each division."""

from typing import Any

from sqlalchemy import func, literal, select

from services.orders.models import Division, OrderCount
from services.orders.queries.order_filters import is_ours, number_of, state_of
from shared.access import Caller
from shared.listing import Listing

KEPT = {"account_id", "container_id", "origin", "status"}


def kept_count(caller: Caller, listing: Listing) -> Any:
    """A query, or None where the rows must be counted one by one."""
    if not set(listing.filters) <= KEPT or caller.role == "limited_user":
        return None
    origins = listing.filters.get("origin", ())
    if origins and not any([is_ours(origin) for origin in origins]):
        return select(literal(0))
    query = select(func.coalesce(func.sum(OrderCount.n), 0)).where(
        OrderCount.division_id.in_(_divisions(caller, listing))
    )
    if states := [state_of(value) for value in listing.filters.get("status", ())]:
        query = query.where(OrderCount.state.in_(states))
    return query


def _divisions(caller: Caller, listing: Listing) -> Any:
    query = select(Division.id)
    if not caller.is_operator:
        query = query.where(Division.account_id == caller.account_id)
        if caller.divisions:
            query = query.where(Division.id.in_(caller.divisions))
    for name, column in (("account_id", Division.account_id), ("container_id", Division.id)):
        if name in listing.filters:
            query = query.where(column.in_([number_of(name, value) for value in listing.filters[name]]))
    return query
