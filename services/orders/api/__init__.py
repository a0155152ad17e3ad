"""JSON in: the Services API of orders under /services/v2."""

from services.orders.api import account, certificates, orders

routers = (orders.router, certificates.router, account.router)
