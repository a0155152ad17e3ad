from services.billing.api import balance, deposits, invoices

routers = [balance.router, deposits.router, invoices.router]

__all__ = ["routers"]
