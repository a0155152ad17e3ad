from services.billing.api import balance, deposits, invoices, payments, purchase_orders, terms

routers = [
    balance.router,
    deposits.router,
    invoices.router,
    payments.router,
    purchase_orders.router,
    terms.router,
]

__all__ = ["routers"]
