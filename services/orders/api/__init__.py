"""JSON in: the Services API of orders under /services/v2, and what certificates point to."""

from services.orders.api import (
    account,
    certificates,
    containers,
    order_notes,
    orders,
    organizations,
    pki,
    products,
    proving,
    requests,
    revocations,
    status_changes,
    users,
)

routers = (
    status_changes.router,
    orders.router,
    requests.router,
    revocations.router,
    order_notes.router,
    proving.router,
    organizations.router,
    certificates.router,
    account.router,
    containers.router,
    products.router,
    users.router,
    pki.router,
)
