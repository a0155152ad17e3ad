from services.billing.models.base import TRIGGERS, Base, OrderKey
from services.billing.models.book import Funds, Journal, Payment, Posting, Receipt
from services.billing.models.catalogue import ExchangeRate, Price, SellingEntity, TaxRule
from services.billing.models.customers import Account, Division
from services.billing.models.documents import CreditNote, Document, Invoice, Line, NumberCounter, TaxGroup
from services.billing.models.orders import Charge, Order, Retry, WaitingOrder

__all__ = [
    "TRIGGERS",
    "Account",
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
    "Posting",
    "Price",
    "Receipt",
    "Retry",
    "SellingEntity",
    "TaxGroup",
    "TaxRule",
    "WaitingOrder",
]
