from services.billing.models.base import TRIGGERS, Base, OrderKey
from services.billing.models.book import Funds, Journal, Posting, Receipt
from services.billing.models.catalogue import ExchangeRate, Price, PriceUpload, SellingEntity, TaxRule
from services.billing.models.customers import Account, Division
from services.billing.models.documents import CreditNote, Document, Invoice, Line, NumberCounter, Receivable, TaxGroup
from services.billing.models.orders import Charge, Order, Retry, WaitingOrder
from services.billing.models.payments import NEXT_RECEIPT, Allocation, Payment, PaymentItem
from services.billing.models.purchase_orders import PurchaseOrder

__all__ = [
    "NEXT_RECEIPT",
    "TRIGGERS",
    "Account",
    "Allocation",
    "Base",
    "Charge",
    "CreditNote",
    "Division",
    "Document",
    "ExchangeRate",
    "Funds",
    "Invoice",
    "Journal",
    "Line",
    "NumberCounter",
    "Order",
    "OrderKey",
    "Payment",
    "PaymentItem",
    "Posting",
    "Price",
    "PriceUpload",
    "PurchaseOrder",
    "Receipt",
    "Receivable",
    "Retry",
    "SellingEntity",
    "TaxGroup",
    "TaxRule",
    "WaitingOrder",
]
