from services.billing.actions.accounts import add_division, change_account, change_division, open_account
from services.billing.actions.additions import add_names
from services.billing.actions.adjusting import remove_funds
from services.billing.actions.announcing import announce_deposit, announce_payment, cancel_payment
from services.billing.actions.bank import (
    assign_line,
    dismiss_line,
    keep_line_open,
    match_line,
    next_bank_line,
    reverse_returned,
    take_bank_file,
)
from services.billing.actions.catalogue import add_dated, load_catalogue
from services.billing.actions.closing import (
    close_divisions,
    close_period,
    list_divisions,
    open_divisions,
    park_division,
)
from services.billing.actions.contacts import set_billing_contact
from services.billing.actions.crediting import credit_invoice
from services.billing.actions.documents import claim_documents, documents_failed, store_documents
from services.billing.actions.ending import cancel_reissue, end_order
from services.billing.actions.imports import (
    Answer,
    ImportedBalance,
    ImportedInvoice,
    import_all,
    import_balance,
    import_invoice,
)
from services.billing.actions.issue import issue_drafts
from services.billing.actions.numbering import continue_series
from services.billing.actions.orders import take_order
from services.billing.actions.overdue import announce_overdue
from services.billing.actions.paying import pay_from_funds
from services.billing.actions.prices import add_prices, add_uploaded_prices, keep_price_file
from services.billing.actions.purchase_orders import (
    PurchaseOrderWish,
    approve_purchase_order,
    cancel_purchase_order,
    decide_purchase_order,
    reject_purchase_order,
    submit_purchase_order,
)
from services.billing.actions.receiving import deposit_funds, record_payment, settle_payment
from services.billing.actions.reminders import remind_of_waiting
from services.billing.actions.retry import retry_waiting
from services.billing.actions.reversing import reverse_payment
from services.billing.actions.separating import transfer
from services.billing.actions.subscriptions import SubscriptionWish, set_subscription
from services.billing.actions.terms import set_terms
from services.billing.rules.terms import Terms

__all__ = [
    "Answer",
    "ImportedBalance",
    "ImportedInvoice",
    "PurchaseOrderWish",
    "SubscriptionWish",
    "Terms",
    "add_dated",
    "add_division",
    "add_names",
    "add_prices",
    "add_uploaded_prices",
    "announce_deposit",
    "announce_overdue",
    "announce_payment",
    "approve_purchase_order",
    "assign_line",
    "cancel_payment",
    "cancel_purchase_order",
    "cancel_reissue",
    "change_account",
    "change_division",
    "claim_documents",
    "close_divisions",
    "close_period",
    "continue_series",
    "credit_invoice",
    "decide_purchase_order",
    "deposit_funds",
    "dismiss_line",
    "documents_failed",
    "end_order",
    "import_all",
    "import_balance",
    "import_invoice",
    "issue_drafts",
    "keep_line_open",
    "keep_price_file",
    "list_divisions",
    "load_catalogue",
    "match_line",
    "next_bank_line",
    "open_account",
    "open_divisions",
    "park_division",
    "pay_from_funds",
    "record_payment",
    "reject_purchase_order",
    "remind_of_waiting",
    "remove_funds",
    "retry_waiting",
    "reverse_payment",
    "reverse_returned",
    "set_billing_contact",
    "set_subscription",
    "set_terms",
    "settle_payment",
    "store_documents",
    "submit_purchase_order",
    "take_bank_file",
    "take_order",
    "transfer",
]
