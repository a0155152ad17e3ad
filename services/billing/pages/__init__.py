from services.billing.pages import invoices, payments, prices, purchase_orders, selling, statement

routers = [
    invoices.router,
    payments.router,
    prices.router,
    purchase_orders.router,
    selling.router,
    statement.router,
]

__all__ = ["routers"]
