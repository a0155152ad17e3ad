from services.validation.queries.locking import (
    DomainKey,
    Wish,
    have_domains,
    live_values,
    lock_domains,
    lock_for_ended,
    lock_for_ended_orders,
    lock_for_judgement,
    lock_for_placed,
    lock_validations,
    lock_values,
    make_domains,
    names_of,
    need_key,
    needs_of,
)
from services.validation.queries.mails import confirmations
from services.validation.queries.proofs import validation_keys

__all__ = [
    "DomainKey",
    "Wish",
    "confirmations",
    "have_domains",
    "live_values",
    "lock_domains",
    "lock_for_ended",
    "lock_for_ended_orders",
    "lock_for_judgement",
    "lock_for_placed",
    "lock_validations",
    "lock_values",
    "make_domains",
    "names_of",
    "need_key",
    "needs_of",
    "validation_keys",
]
