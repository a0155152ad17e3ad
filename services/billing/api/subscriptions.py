from datetime import date
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.actions import SubscriptionWish
from services.billing.api.answers import page_of, without_none
from services.billing.api.exact import AmountText, finance_router
from services.billing.models import Account, Division, Subscription
from services.billing.queries import balance, subscriptions
from services.billing.queries.subscriptions import FILTERS, SORT_COLUMNS
from services.billing.rules import from_text, printed
from shared.access import Caller
from shared.errors import Denied
from shared.events.base import Money
from shared.listing import parse_listing
from shared.web import Body, Once, Tx, Who, now

router = finance_router()
PLAIN = ("container_id", "account_id")


class SubscriptionIn(Body):
    container_id: Annotated[int, Field(ge=1, lt=2**31)]
    name: str
    description: str
    quantity: int = 1
    monthly_price: AmountText
    currency: str | None = None
    starts_on: date
    ends_on: date | None = None


class ChangeIn(Body):
    """What is left out stays as it is."""

    description: str | None = None
    quantity: int | None = None
    monthly_price: AmountText | None = None
    currency: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    open_ended: bool = False


@router.post("/subscription", status_code=201)
async def start(tx: Tx, caller: Who, once: Once, body: SubscriptionIn) -> JSONResponse:
    _staff(caller)
    division = await balance.visible_division(tx, caller, body.container_id)
    return await once(tx, 201, lambda: _start(tx, caller, division, body))


def _staff(caller: Caller) -> None:
    if not caller.is_operator:
        raise Denied("Subscriptions are set by the certificate authority's staff; ask them.")


async def _start(tx: Tx, caller: Caller, division: Division, body: SubscriptionIn) -> dict[str, Any]:
    account = await tx.get_one(Account, division.account_id)
    wish = SubscriptionWish(
        division.id, body.name, body.description, body.quantity,
        _price(body.monthly_price, body.currency or account.currency), body.starts_on, body.ends_on,
    )  # fmt: skip
    made = await actions.set_subscription(tx, account.id, wish, caller.email, now(), only_new=True)
    return subscription_out(await subscriptions.subscription(tx, caller, made.id))


def _price(text: str, currency: str) -> Money:
    return Money(amount=from_text(text, currency), currency=currency)


@router.get("/subscription")
async def list_all(request: Request, tx: Tx, caller: Who) -> dict[str, Any]:
    listing = parse_listing(request.query_params.multi_items(), FILTERS, SORT_COLUMNS, PLAIN)
    total, rows = await subscriptions.subscriptions(tx, caller, listing)
    found = [subscription_out(row) for row in rows]
    return {"subscriptions": found, "page": page_of(total, listing)}


@router.get("/subscription/{subscription_id}")
async def view(tx: Tx, caller: Who, subscription_id: int) -> dict[str, Any]:
    return subscription_out(await subscriptions.subscription(tx, caller, subscription_id))


@router.put("/subscription/{subscription_id}")
async def change(tx: Tx, caller: Who, subscription_id: int, body: ChangeIn) -> dict[str, Any]:
    _staff(caller)
    there: Subscription = (await subscriptions.subscription(tx, caller, subscription_id)).Subscription
    await actions.set_subscription(tx, there.account_id, _changed(there, body), caller.email, now())
    return subscription_out(await subscriptions.subscription(tx, caller, subscription_id))


def _changed(there: Subscription, body: ChangeIn) -> SubscriptionWish:
    text = printed(there.monthly_price, there.currency) if body.monthly_price is None else body.monthly_price
    return SubscriptionWish(
        division_id=there.division_id,
        name=there.name,
        description=there.description if body.description is None else body.description,
        quantity=there.quantity if body.quantity is None else body.quantity,
        monthly_price=_price(text, body.currency or there.currency),
        starts_on=body.starts_on or there.starts_on,
        ends_on=None if body.open_ended else body.ends_on or there.ends_on,
    )


def subscription_out(found: Any) -> dict[str, Any]:
    row: Subscription = found.Subscription
    told = {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "status": row.status(now().date()),
        "quantity": row.quantity,
        "monthly_price": printed(row.monthly_price, row.currency),
        "currency": row.currency,
        "account": {"id": row.account_id, "name": found.account},
        "container": {"id": row.division_id, "name": found.division, "is_active": True},
        "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on and row.ends_on.isoformat(),
        "charged_until": row.charged_until and row.charged_until.isoformat(),
    }
    return without_none(told)
