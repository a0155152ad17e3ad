from services.orders.queries.customers import division_of, divisions_of, remember_divisions, top_level, user_by_email
from services.orders.queries.ids import reserve_ids, take_id
from services.orders.queries.open_orders import (
    lock_orders,
    lock_orders_with_names,
    lock_our_orders,
    open_orders_with,
)
from services.orders.queries.orders import (
    FILTERS,
    SORT_COLUMNS,
    Row,
    account,
    certificate,
    listed,
    order_of_request,
    order_row,
    page_of,
    request_of,
    timeline,
    user,
)

__all__ = [
    "FILTERS",
    "SORT_COLUMNS",
    "Row",
    "account",
    "certificate",
    "division_of",
    "divisions_of",
    "listed",
    "lock_orders",
    "lock_orders_with_names",
    "lock_our_orders",
    "open_orders_with",
    "order_of_request",
    "order_row",
    "page_of",
    "remember_divisions",
    "request_of",
    "reserve_ids",
    "take_id",
    "timeline",
    "top_level",
    "user",
    "user_by_email",
]
