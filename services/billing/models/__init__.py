from services.billing.models.bank import BankFile, BankLine
from services.billing.models.base import TRIGGERS, Base, OrderKey, PartKey
from services.billing.models.book import Funds, Journal, OnAccount, Owed, Posting, Purse, Receipt
from services.billing.models.catalogue import ExchangeRate, Price, PriceUpload, SellingEntity, TaxRule
from services.billing.models.counts import EntryCount, InvoiceCount, UsageCount
from services.billing.models.credit_notes import CreditNote, CreditNoteLine, CreditNoteTax, EndedOrder
from services.billing.models.customers import Account, Division
from services.billing.models.documents import Document, Invoice, Line, NumberCounter, Receivable, TaxGroup
from services.billing.models.imports import DeclaredGap, OpeningBalance
from services.billing.models.orders import AddedNames, Charge, Order, Retry, WaitingOrder
from services.billing.models.payments import NEXT_RECEIPT, Allocation, Payment, PaymentItem
from services.billing.models.purchase_orders import PurchaseOrder
from services.billing.models.usage import Closing, PeriodClose, PeriodTotal, Subscription, Usage

__all__ = [
    "NEXT_RECEIPT",
    "TRIGGERS",
    "Account",
    "AddedNames",
    "Allocation",
    "BankFile",
    "BankLine",
    "Base",
    "Charge",
    "Closing",
    "CreditNote",
    "CreditNoteLine",
    "CreditNoteTax",
    "DeclaredGap",
    "Division",
    "Document",
    "EndedOrder",
    "EntryCount",
    "ExchangeRate",
    "Funds",
    "Invoice",
    "InvoiceCount",
    "Journal",
    "Line",
    "NumberCounter",
    "OnAccount",
    "OpeningBalance",
    "Order",
    "OrderKey",
    "Owed",
    "PartKey",
    "Payment",
    "PaymentItem",
    "PeriodClose",
    "PeriodTotal",
    "Posting",
    "Price",
    "PriceUpload",
    "PurchaseOrder",
    "Purse",
    "Receipt",
    "Receivable",
    "Retry",
    "SellingEntity",
    "Subscription",
    "TaxGroup",
    "TaxRule",
    "Usage",
    "UsageCount",
    "WaitingOrder",
]
