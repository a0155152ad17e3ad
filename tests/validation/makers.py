from datetime import UTC, datetime, timedelta
from typing import Any

from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.policy import Policy
from services.validation.rules.polling import IMPATIENT
from shared.events.base import OrderRef
from shared.events.orders import Account, Division, OrderCancelled, OrderPlaced, RequestSubmitted, Term
from shared.events.validation import AuthorizeIssuance

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
VALUE = "c8c1f0aa3d5b4c0f8a3e1d2b7f9e6a54"
ACCOUNT = 9001


def a_policy(**changes: Any) -> Policy:
    return Policy(**{"suffixes": shipped_suffixes(), **changes})


def a_test_policy(**changes: Any) -> Policy:
    return a_policy(
        **{
            "suffixes": shipped_suffixes(("example", "test")),
            "test_mode": True,
            "local_tlds": frozenset({"example", "test"}),
            "first_look": timedelta(0),
            "phases": IMPATIENT,
            **changes,
        }
    )


def an_order(*names: str, order_id: int = 1201, source: str = "shop", **changes: Any) -> OrderPlaced:
    now = datetime.now(UTC)
    return OrderPlaced(
        **{
            "source": source,
            "occurred_at": now,
            "account_id": ACCOUNT,
            "account": Account(id=changes.get("account_id", ACCOUNT), name="Acme", currency="EUR"),
            "division": Division(id=14, name="Main"),
            "order_id": order_id,
            "product_name_id": "ssl_dv_geotrust",
            "term": Term(years=1),
            "names": names or ("www.acme.example",),
            "placed_by": "shop",
            "placed_at": now,
            **changes,
        }
    )


def a_request(placed: OrderPlaced, request_id: int, *names: str, **changes: Any) -> RequestSubmitted:
    """A reissue of the order, with these names."""
    return RequestSubmitted.model_validate(
        {
            "source": placed.source,
            "occurred_at": datetime.now(UTC),
            "account_id": placed.account_id,
            "order_id": placed.order_id,
            "request_id": request_id,
            "request_type": "reissue",
            "common_name": (names or placed.names)[0],
            "names": names or placed.names,
            "needs_approval": False,
            "requested_by": "shop",
            "product_name_id": placed.product_name_id,
            **changes,
        }
    )


def a_cancellation(placed: OrderPlaced) -> OrderCancelled:
    return OrderCancelled(
        source=placed.source,
        occurred_at=datetime.now(UTC),
        account_id=placed.account_id,
        order_id=placed.order_id,
        cancelled_by="shop",
    )


def a_question(*names: str, placed: OrderPlaced | None = None, **changes: Any) -> AuthorizeIssuance:
    order = placed.order if placed else OrderRef(source="shop", id=1201)
    return AuthorizeIssuance(
        **{"source": "issuary/orders", "account_id": ACCOUNT, "order": order, "names": names, **changes}
    )
