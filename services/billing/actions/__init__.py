from services.billing.actions.accounts import add_division, change_account, open_account
from services.billing.actions.catalogue import add_dated, load_catalogue
from services.billing.actions.documents import claim_documents, documents_failed, store_documents
from services.billing.actions.orders import end_order, take_order
from services.billing.actions.overdue import announce_overdue
from services.billing.actions.payments import (
    announce_deposit,
    announce_payment,
    cancel_payment,
    deposit_funds,
    record_payment,
    reverse_payment,
    settle_payment,
)
from services.billing.actions.prices import add_prices, add_uploaded_prices, keep_price_file
from services.billing.actions.purchase_orders import (
    PurchaseOrderWish,
    approve_purchase_order,
    cancel_purchase_order,
    decide_purchase_order,
    reject_purchase_order,
    submit_purchase_order,
)
from services.billing.actions.retry import retry_waiting
from services.billing.actions.terms import Terms, set_terms

__all__ = [
    "PurchaseOrderWish",
    "Terms",
    "add_dated",
    "add_division",
    "add_prices",
    "add_uploaded_prices",
    "announce_deposit",
    "announce_overdue",
    "announce_payment",
    "approve_purchase_order",
    "cancel_payment",
    "cancel_purchase_order",
    "change_account",
    "claim_documents",
    "decide_purchase_order",
    "deposit_funds",
    "documents_failed",
    "end_order",
    "keep_price_file",
    "load_catalogue",
    "open_account",
    "record_payment",
    "reject_purchase_order",
    "retry_waiting",
    "reverse_payment",
    "set_terms",
    "settle_payment",
    "store_documents",
    "submit_purchase_order",
    "take_order",
]
