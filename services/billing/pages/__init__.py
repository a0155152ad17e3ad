from services.billing.pages import invoices, prices, selling

routers = [invoices.router, prices.router, selling.router]

__all__ = ["routers"]
