from services.billing.pages import (
    bank,
    contacts,
    credit_notes,
    divisions,
    invoices,
    on_account,
    paying,
    payments,
    periods,
    prices,
    purchase_orders,
    selling,
    statement,
    subscriptions,
    terms,
    waiting,
)

routers = [
    bank.router,
    contacts.router,
    credit_notes.router,
    divisions.router,
    invoices.router,
    on_account.router,
    paying.router,
    payments.router,
    periods.router,
    prices.router,
    purchase_orders.router,
    selling.router,
    statement.router,
    subscriptions.router,
    terms.router,
    waiting.router,
]
LARGE = (bank.FILES,)

__all__ = ["LARGE", "routers"]
