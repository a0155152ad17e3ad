from services.billing.api import (
    balance,
    deposits,
    history,
    invoices,
    payments,
    prices,
    purchase_orders,
    statement,
    terms,
)

routers = [
    balance.router,
    deposits.router,
    history.router,
    invoices.router,
    payments.router,
    prices.router,
    prices.products,
    purchase_orders.router,
    statement.router,
    terms.router,
]

__all__ = ["routers"]
