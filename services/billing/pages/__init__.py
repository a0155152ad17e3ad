from services.billing.pages import invoices

routers = [invoices.router]

__all__ = ["routers"]
