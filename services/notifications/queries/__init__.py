from services.notifications.queries.audience import ToldToPeople, prepare
from services.notifications.queries.messages import (
    Filter,
    Page,
    Told,
    lock_credit_note_messages,
    lock_invoice_messages,
    lock_purchase_order_messages,
    lock_reminders,
    messages,
)
from services.notifications.queries.people import lock_accounts, lock_orders, lock_people, muted_kinds

__all__ = [
    "Filter",
    "Page",
    "Told",
    "ToldToPeople",
    "lock_accounts",
    "lock_credit_note_messages",
    "lock_invoice_messages",
    "lock_orders",
    "lock_people",
    "lock_purchase_order_messages",
    "lock_reminders",
    "messages",
    "muted_kinds",
    "prepare",
]
