from typing import Any

from fastapi import Request

from services.billing import actions
from services.billing.actions import Terms
from services.billing.api.exact import AmountText, finance_router
from services.billing.models import Account, Division
from services.billing.queries import balance
from services.billing.rules import from_text, printed
from shared.errors import Denied
from shared.events.base import Money
from shared.web import Body, Tx, Who, now

router = finance_router()


class TermsIn(Body):
    """What is left out stays as it is."""

    negative_balance_limit: AmountText | None = None
    unlimited_negative_balance: bool | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool | None = None


@router.get("/terms/{container_id}")
async def view(request: Request, tx: Tx, caller: Who, container_id: int) -> dict[str, Any]:
    division = await _division(tx, caller, container_id)
    return await _shown(tx, division, request.app.state.settings.payment_days)


@router.put("/terms/{container_id}")
async def change(request: Request, tx: Tx, caller: Who, container_id: int, body: TermsIn) -> dict[str, Any]:
    """Terms are the account's; any of its divisions names it."""
    division = await _division(tx, caller, container_id)
    funds = await balance.funds_behind(tx, division)
    limit = body.negative_balance_limit
    wish = Terms(
        negative_limit=None
        if limit is None
        else Money(amount=from_text(limit, funds.currency), currency=funds.currency),
        unlimited=body.unlimited_negative_balance,
        payment_days=body.payment_days,
        purchase_orders_allowed=body.purchase_orders_allowed,
    )
    await actions.set_terms(tx, division.account_id, wish, caller.email, now())
    return await _shown(tx, division, request.app.state.settings.payment_days)


def _money(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money(amount=from_text(text, currency), currency=currency)


async def _division(tx: Tx, caller: Who, container_id: int) -> Division:
    if not caller.is_operator:
        raise Denied("Terms are agreed with the certificate authority's staff; ask them.")
    return await balance.visible_division(tx, caller, container_id)


async def _shown(tx: Tx, division: Division, payment_days: int) -> dict[str, Any]:
    funds = await balance.funds_behind(tx, division)
    account = await tx.get_one(Account, division.account_id)
    told = {
        "account": {"id": account.id, "name": account.name},
        "currency": funds.currency,
        "negative_balance_limit": None if funds.unlimited else printed(funds.negative_limit, funds.currency),
        "unlimited_negative_balance": True if funds.unlimited else None,
        "payment_days": payment_days if account.payment_days is None else account.payment_days,
        "purchase_orders_allowed": account.purchase_orders_allowed,
    }
    return {name: value for name, value in told.items() if value is not None}
