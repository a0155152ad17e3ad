"""Events and rows as tests need them, each with good defaults."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from shared.events.base import OURS, Money
from shared.events.billing import DepositFunds
from shared.events.orders import (
    Account,
    AccountOpened,
    Address,
    Division,
    OrderCancelled,
    OrderNamesAdded,
    OrderPlaced,
    ReissueCancelled,
    Term,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
YEAR = datetime.now(UTC).year  # of documents issued by these tests
numbers = count(1201)


def an_account(**changed: Any) -> Account:
    given: dict[str, Any] = {
        "id": 9001,
        "name": "Acme",
        "legal_name": "Acme Example GmbH",
        "address": Address(line1="Hauptstraße 1", postcode="10115", city="Berlin", country="DE"),
        "currency": "EUR",
        "billing_emails": ("ap@acme.example",),
    }
    return Account(**given | changed)


def an_opened_account(**changed: Any) -> AccountOpened:
    account = changed.pop("account", None) or an_account()
    return AccountOpened(
        occurred_at=NOW, account_id=account.id, account=account, division=Division(id=14, name="Main"), **changed
    )


def an_order(source: str = OURS + "orders", **changed: Any) -> OrderPlaced:
    account = changed.pop("account", None) or an_account()
    given: dict[str, Any] = {
        "source": source,
        "occurred_at": NOW,
        "account_id": account.id,
        "account": account,
        "division": Division(id=14, name="Main"),
        "order_id": next(numbers),
        "product_name_id": "ssl_dv_geotrust",
        "term": Term(years=1),
        "names": ("www.acme.example",),
        "placed_by": "ann@acme.example",
        "placed_at": NOW,
    }
    return OrderPlaced(**given | changed)


def a_cancellation(order: OrderPlaced, **changed: Any) -> OrderCancelled:
    given: dict[str, Any] = {
        "source": order.source,
        "occurred_at": NOW,
        "account_id": order.account_id,
        "order_id": order.order_id,
        "cancelled_by": "ann@acme.example",
        "note": "No longer needed",
    }
    return OrderCancelled(**given | changed)


def names_added(order: OrderPlaced, *added: str, request_id: int = 7, **changed: Any) -> OrderNamesAdded:
    """For the whole term unless told otherwise."""
    given: dict[str, Any] = {
        "source": order.source,
        "occurred_at": NOW,
        "account_id": order.account_id,
        "order_id": order.order_id,
        "request_id": request_id,
        "names": (*order.names, *added),
        "added": added,
        "starts_on": date(2026, 11, 24),
        "term_ends_on": date(2027, 11, 23),
        "added_by": "ann@acme.example",
        "added_at": NOW,
    }
    return OrderNamesAdded(**given | changed)


def a_cancelled_reissue(order: OrderPlaced, request_id: int = 7, **changed: Any) -> ReissueCancelled:
    given: dict[str, Any] = {
        "source": order.source,
        "occurred_at": NOW,
        "account_id": order.account_id,
        "order_id": order.order_id,
        "request_id": request_id,
        "cancelled_by": "ann@acme.example",
        "note": "Not needed after all",
    }
    return ReissueCancelled(**given | changed)


def a_deposit(minor: int, **changed: Any) -> DepositFunds:
    given: dict[str, Any] = {
        "source": "bank",
        "occurred_at": NOW,
        "account_id": 9001,
        "division_id": 14,
        "amount": Money(amount=minor, currency="EUR"),
        "reference": f"transfer {next(numbers)}",
    }
    return DepositFunds(**given | changed)
