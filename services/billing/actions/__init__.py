from services.billing.actions.accounts import add_division, change_account, open_account
from services.billing.actions.catalogue import load_catalogue
from services.billing.actions.documents import claim_documents, documents_failed, store_documents
from services.billing.actions.money import deposit_funds
from services.billing.actions.orders import end_order, take_order
from services.billing.actions.retry import retry_waiting

__all__ = [
    "add_division",
    "change_account",
    "claim_documents",
    "deposit_funds",
    "documents_failed",
    "end_order",
    "load_catalogue",
    "open_account",
    "retry_waiting",
    "store_documents",
    "take_order",
]
