"""What must be true of the book at any moment, each as a query that finds what breaks it among
the rows of one window. A query names the thing in words in its only column."""

from services.billing.queries.invariants.book import ACCOUNTS, FUNDS, JOURNAL, OPENINGS, OWED, PLACES
from services.billing.queries.invariants.counts import COUNTS
from services.billing.queries.invariants.credit_notes import NOTES
from services.billing.queries.invariants.documents import DOCUMENTS
from services.billing.queries.invariants.invoices import INVOICES
from services.billing.queries.invariants.numbers import SERIES, UNCOUNTED
from services.billing.queries.invariants.orders import ADDED, CHARGES, USAGE
from services.billing.queries.invariants.payments import PAYMENTS, PURCHASE_ORDERS
from services.billing.queries.invariants.walk import History, Invariant, Walk

WALKS: tuple[Walk, ...] = (
    JOURNAL, PLACES, FUNDS, OWED, ACCOUNTS, CHARGES, USAGE, ADDED, INVOICES, NOTES, OPENINGS, PURCHASE_ORDERS, PAYMENTS,
    DOCUMENTS, COUNTS,
)  # fmt: skip
WHOLE = (SERIES, UNCOUNTED)

__all__ = ["WALKS", "WHOLE", "History", "Invariant", "Walk"]
