from services.billing.pages import invoices, payments, prices, purchase_orders, selling

routers = [invoices.router, payments.router, prices.router, purchase_orders.router, selling.router]

__all__ = ["routers"]
