from shared.events.billing.base import COMMANDS, SOURCE, TOPIC, InvoiceKind, PaymentMethod, WaitingReason
from shared.events.billing.charges import (
    AboutCharge,
    OrderCharged,
    OrderOnAccount,
    OrderReleased,
    OrderStillWaiting,
    OrderWaiting,
)
from shared.events.billing.commands import (
    BillingCommandRefused,
    ClosePeriod,
    DecidePurchaseOrder,
    DepositFunds,
    ImportBalance,
    ImportInvoice,
    RecordPayment,
    SetSubscription,
    SetTerms,
    SubmitPurchaseOrder,
)
from shared.events.billing.credit_notes import CreditNoteIssued
from shared.events.billing.documents import CreditNoteDocumentReady, DocumentReady, InvoiceDocumentReady
from shared.events.billing.invoices import InvoiceIssued, InvoiceOverdue, InvoicePaid
from shared.events.billing.payments import PaymentReversed, PaymentSettled
from shared.events.billing.purchase_orders import (
    AboutPurchaseOrder,
    PurchaseOrderApproved,
    PurchaseOrderCancelled,
    PurchaseOrderRejected,
    PurchaseOrderSubmitted,
)
from shared.events.billing.terms import FundsLow, TermsChanged

__all__ = [  # noqa: RUF022 - the order of the event map: facts, then commands
    "COMMANDS",
    "SOURCE",
    "TOPIC",
    "InvoiceKind",
    "PaymentMethod",
    "WaitingReason",
    "AboutCharge",
    "OrderCharged",
    "OrderOnAccount",
    "OrderWaiting",
    "OrderStillWaiting",
    "OrderReleased",
    "InvoiceIssued",
    "InvoicePaid",
    "InvoiceOverdue",
    "AboutPurchaseOrder",
    "PurchaseOrderSubmitted",
    "PurchaseOrderApproved",
    "PurchaseOrderRejected",
    "PurchaseOrderCancelled",
    "CreditNoteIssued",
    "DocumentReady",
    "InvoiceDocumentReady",
    "CreditNoteDocumentReady",
    "PaymentSettled",
    "PaymentReversed",
    "FundsLow",
    "TermsChanged",
    "BillingCommandRefused",
    "DepositFunds",
    "SubmitPurchaseOrder",
    "DecidePurchaseOrder",
    "RecordPayment",
    "SetTerms",
    "ImportInvoice",
    "ImportBalance",
    "SetSubscription",
    "ClosePeriod",
]
