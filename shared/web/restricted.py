"""What an API key with a restriction may do, whatever its user may (certcentral-api 2.2, design 8). Said for paths, in
one place for all services: a route that nobody thought of here is closed to restricted keys."""

from shared.errors import Denied

ORDERS, ORDERS_AND_DOMAINS, VIEW_ONLY, USER_MANAGEMENT = 100, 101, 102, 103
_BASE = "/services/v2/"
_ORDERING = ("order", "request", "certificate", "finance/balance", "finance/order-pricing")
_DOMAINS = ("domain", "organization")
# What has to be looked up for it, by GET alone. Prices are under product too, and are finance.
_BESIDE_ORDERS = ("user/me", "container", "product", "account/metadata")
_NOT_BESIDE = ("product/pricing",)

_OPEN = {
    ORDERS: _ORDERING,
    ORDERS_AND_DOMAINS: (*_ORDERING, *_DOMAINS),
    USER_MANAGEMENT: ("user",),
}
_READ = {ORDERS: _BESIDE_ORDERS, ORDERS_AND_DOMAINS: _BESIDE_ORDERS, USER_MANAGEMENT: ("container",)}
_NAMES = {
    ORDERS: "orders, requests and certificates",
    ORDERS_AND_DOMAINS: "orders, domains and organizations",
    USER_MANAGEMENT: "user management",
}


def require_key_for(key_role: int, method: str, path: str) -> None:
    """Raises Denied."""
    if key_role == 0:
        return
    if key_role == VIEW_ONLY:
        if method != "GET":
            raise Denied("This API key may only read; use one without the restriction «view only».")
        return
    if not _may(key_role, method, path.removeprefix(_BASE)):
        what = _NAMES.get(key_role, "something this service does not know")
        raise Denied(f"This API key is restricted to {what}; use one without that restriction.")


def _may(key_role: int, method: str, path: str) -> bool:
    if _within(path, _OPEN.get(key_role, ())):
        return True
    return method == "GET" and _within(path, _READ.get(key_role, ())) and not _within(path, _NOT_BESIDE)


def _within(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
