from services.orders.queries.customers import division_of, divisions_of, remember_divisions, top_level, user_by_email
from services.orders.queries.ids import reserve_ids, take_id
from services.orders.queries.open_orders import lock_orders, lock_our_orders, lock_orders_with_names, open_orders_with

__all__ = [
    "division_of",
    "divisions_of",
    "lock_orders",
    "lock_our_orders",
    "lock_orders_with_names",
    "open_orders_with",
    "remember_divisions",
    "reserve_ids",
    "take_id",
    "top_level",
    "user_by_email",
]
