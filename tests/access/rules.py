"""How a row of the tables says who may do what (design 8)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Place = Mapping[str, Any]  # numbers of things there are in one place: an account and a division

ROLES = ("administrator", "finance_manager", "manager", "standard_user", "limited_user", "operator")
EVERYBODY = frozenset(ROLES)
FINANCE = frozenset({"administrator", "finance_manager", "manager", "operator"})
PAYING = frozenset({"administrator", "finance_manager", "operator"})
PAYERS = PAYING - {"operator"}
PLACERS = frozenset({"administrator", "manager", "standard_user", "limited_user"})
CANCELLERS = PLACERS | {"operator"}
APPROVERS = frozenset({"administrator", "manager", "operator"})
MANAGERS = frozenset({"administrator", "operator"})
PROVERS = frozenset({"administrator", "manager", "standard_user", "operator"})  # of domains
STAFF = frozenset({"operator"})
ADDERS = frozenset({"administrator", "manager", "standard_user"})  # of organizations
EDITORS = frozenset({"administrator", "manager"})

# What a key of an administrator may do with each restriction: all methods, GET alone.
KEYS: dict[str, tuple[set[int], set[int]]] = {
    "orders": ({100, 101}, {102}),
    "domains": ({101}, {102}),
    "organizations": ({101}, {102}),
    "balance": ({100, 101}, {102}),
    "finance": (set(), {102}),
    "users": ({103}, {102}),
    "me": ({103}, {100, 101, 102}),
    "divisions": (set(), {100, 101, 102, 103}),
    "products": (set(), {100, 101, 102}),
    "account": (set(), {102}),
    "fields": (set(), {100, 101, 102}),
    "webhooks": (set(), {102}),
}


@dataclass(frozen=True)
class Rule:
    """One route. `path`, `query`, `json` and `form` are made of the place that is asked about.

    kind: "thing", one by its number, which is not there for other divisions and accounts; "of_account", a thing that
    every division of its account shares; "list", which shows what is in sight; "alone", about nothing of an account;
    "public", for everybody, signed in or not; "own", about whoever calls."""

    roles: frozenset[str]
    kind: str
    area: str = ""  # of KEYS; pages have none
    path: Mapping[str, str] = field(default_factory=dict)  # name in the path: name in the place
    query: Callable[[Place], Mapping[str, Any]] = lambda place: {}
    json: Callable[[Place], Any] | None = None
    form: Callable[[Place], Mapping[str, Any]] | None = None
    personal: bool = False  # a limited user sees those of its own orders alone
    content: bytes | None = None
    why_not: str = ""  # for "alone" and others: why there is no other place to try

    def keys(self, method: str) -> set[int]:
        every, reading = KEYS[self.area]
        return every | (reading if method == "GET" else set())


def thing(roles: frozenset[str], area: str = "", /, **more: Any) -> Rule:
    return Rule(roles, "thing", area, **_path(more))


def shared_thing(roles: frozenset[str], area: str = "", /, **more: Any) -> Rule:
    return Rule(roles, "of_account", area, **_path(more))


def listed(roles: frozenset[str], area: str = "", /, **more: Any) -> Rule:
    return Rule(roles, "list", area, **more)


def alone(roles: frozenset[str], area: str = "", /, **more: Any) -> Rule:
    return Rule(roles, "alone", area, **_path(more))


def public(**more: Any) -> Rule:
    return Rule(EVERYBODY, "public", **_path(more))


def own(roles: frozenset[str] = EVERYBODY, area: str = "", /, **more: Any) -> Rule:
    return Rule(roles, "own", area, **_path(more))


def _path(more: dict[str, Any]) -> dict[str, Any]:
    """`order_id="order"`: what is no field of a rule is a name in the path."""
    fields = Rule.__dataclass_fields__.keys()
    names = {name: value for name, value in more.items() if name not in fields}
    return {name: value for name, value in more.items() if name in fields} | {"path": names}
