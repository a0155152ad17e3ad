"""HTML in: signing in, the list of orders, and the page of one."""

from services.orders.pages import orders, sign_in

routers = (sign_in.router, orders.router)
