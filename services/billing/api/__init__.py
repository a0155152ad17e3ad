from services.billing.api import balance, deposits, invoices, payments, prices, purchase_orders, terms

routers = [
    balance.router,
    deposits.router,
    invoices.router,
    payments.router,
    prices.router,
    prices.products,
    purchase_orders.router,
    terms.router,
]

__all__ = ["routers"]
