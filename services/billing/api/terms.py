from typing import Any

from fastapi import Request

from services.billing import actions
from services.billing.actions import Terms
from services.billing.api.answers import without_none
from services.billing.api.exact import AmountText, finance_router
from services.billing.models import Account, Division
from services.billing.queries import balance
from services.billing.queries.terms import terms_of
from services.billing.rules import from_text, printed
from services.billing.rules.terms import SWITCHES
from shared.errors import Denied
from shared.events.base import Money
from shared.web import Body, Tx, Who, now

router = finance_router()


class TermsIn(Body):
    """What is left out stays as it is; `low_funds_alert` false takes the threshold away."""

    negative_balance_limit: AmountText | None = None
    unlimited_negative_balance: bool | None = None
    payment_days: int | None = None
    purchase_orders_allowed: bool | None = None
    monthly_billing: bool | None = None
    separate_funds: bool | None = None
    default_payment_method: str | None = None
    low_funds_threshold: AmountText | None = None
    low_funds_alert: bool | None = None

    def wish(self, currency: str) -> Terms:
        return Terms(
            negative_limit=_money(self.negative_balance_limit, currency),
            unlimited=self.unlimited_negative_balance,
            payment_days=self.payment_days,
            default_payment_method=self.default_payment_method,
            low_funds=_money(self.low_funds_threshold, currency),
            low_funds_alert=self.low_funds_alert,
            **{name: getattr(self, name) for name in SWITCHES},
        )


def _money(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money(amount=from_text(text, currency), currency=currency)


@router.get("/terms/{container_id}")
async def view(request: Request, tx: Tx, caller: Who, container_id: int) -> dict[str, Any]:
    division = await _division(tx, caller, container_id)
    return await _shown(tx, division, request.app.state.settings.payment_days)


@router.put("/terms/{container_id}")
async def change(request: Request, tx: Tx, caller: Who, container_id: int, body: TermsIn) -> dict[str, Any]:
    """Terms are the account's; any of its divisions names it."""
    division = await _division(tx, caller, container_id)
    funds = (await balance.purse_behind(tx, division)).top
    await actions.set_terms(tx, division.account_id, body.wish(funds.currency), caller.email, now())
    return await _shown(tx, division, request.app.state.settings.payment_days)


async def _division(tx: Tx, caller: Who, container_id: int) -> Division:
    if not caller.is_operator:
        raise Denied("Terms are agreed with the certificate authority's staff; ask them.")
    return await balance.visible_division(tx, caller, container_id)


async def _shown(tx: Tx, division: Division, payment_days: int) -> dict[str, Any]:
    account, funds = await tx.get_one(Account, division.account_id), (await balance.purse_behind(tx, division)).top
    agreed = terms_of(account, funds)
    told = {
        "account": {"id": account.id, "name": account.name},
        "currency": funds.currency,
        "negative_balance_limit": None if funds.unlimited else printed(funds.negative_limit, funds.currency),
        "unlimited_negative_balance": True if funds.unlimited else None,
        "payment_days": payment_days if agreed.payment_days is None else agreed.payment_days,
        "default_payment_method": agreed.default_payment_method,
        "low_funds_threshold": printed(agreed.low_funds.amount, funds.currency) if agreed.low_funds else None,
        "low_funds_alert": agreed.low_funds_alert,
        **{name: getattr(agreed, name) for name in SWITCHES},
    }
    return without_none(told)
