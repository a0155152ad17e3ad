"""HTML in: signing in, orders and what may be done with one, organizations, the account and whom it has."""

from services.orders.pages import (
    account,
    divisions,
    fields,
    keys,
    order_deeds,
    order_form,
    order_list,
    orders,
    organizations,
    passwords,
    people,
    reissue,
    requests,
    revoking,
    sign_in,
    vetting,
)

routers = (
    sign_in.router,
    order_list.router,
    order_form.router,
    requests.router,
    reissue.router,
    revoking.router,
    order_deeds.router,
    orders.router,
    vetting.router,
    organizations.router,
    passwords.router,
    account.router,
    divisions.router,
    people.router,
    keys.router,
    fields.router,
)
