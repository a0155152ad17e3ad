from services.billing.api import (
    balance,
    bank,
    contacts,
    credit_notes,
    deposits,
    history,
    imports,
    invoices,
    payment_sheets,
    payments,
    periods,
    prices,
    purchase_orders,
    statement,
    subscriptions,
    terms,
    transfers,
)

routers = [
    balance.router,
    bank.router,
    contacts.router,
    credit_notes.router,
    deposits.router,
    history.router,
    imports.router,
    invoices.router,
    payment_sheets.router,
    payments.router,
    periods.router,
    prices.router,
    prices.products,
    purchase_orders.router,
    statement.router,
    subscriptions.router,
    terms.router,
    transfers.router,
    transfers.subaccounts,
]
LARGE = (bank.FILES,)

__all__ = ["LARGE", "routers"]
