"""Funds moved between divisions, and added or taken away by staff: CertCentral's "Account subaccount balance"."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from services.billing import actions
from services.billing.api.exact import AmountText, ExactRoute, finance_router
from services.billing.models import Account, Division
from services.billing.queries import balance, documents, finance
from services.billing.rules import from_text, printed
from shared.audit import note
from shared.errors import Denied
from shared.events.base import Money
from shared.ids import new_id
from shared.web import Body, Once, Tx, Who, now

router = finance_router()
subaccounts = APIRouter(prefix="/services/v2/account/subaccount", route_class=ExactRoute)
Container = Annotated[int, Field(ge=1, lt=2**31)]


class TransferIn(Body):
    amount: AmountText
    from_container_id: Container
    to_container_id: Container
    currency: str | None = None


@router.post("/transfer", status_code=204, response_class=Response)
async def transfer(tx: Tx, caller: Who, once: Once, body: TransferIn) -> Response:
    giver = await _division(tx, caller, body.from_container_id)
    taker = await _division(tx, caller, body.to_container_id)
    await once(tx, 204, lambda: _transfer(tx, caller, giver, taker, body))
    return Response(status_code=204)


async def _division(tx: Tx, caller: Who, container_id: int) -> Division:
    division = await balance.visible_division(tx, caller, container_id)
    finance.require_finance_of(caller, division.account_id, division.id)
    return division


async def _transfer(tx: Tx, caller: Who, giver: Division, taker: Division, body: TransferIn) -> None:
    amount = await _money(tx, giver, body.amount, body.currency)
    await actions.transfer(tx, giver.account_id, giver.id, taker.id, amount, now())
    note(tx, caller.email, "funds transferred", f"account/{giver.account_id}", None, body.model_dump(), now())


async def _money(tx: Tx, division: Division, text: str, currency: str | None) -> Money:
    account = await tx.get_one(Account, division.account_id)
    code = currency or account.currency
    return Money(amount=from_text(text, code), currency=code)


@subaccounts.get("/{container_id}/balance")
async def view(tx: Tx, caller: Who, container_id: int) -> Response:
    if caller.role not in documents.FINANCE:
        raise Denied("This role may not see the balance; ask a finance manager of your account.")
    purse = await balance.purse_behind(tx, await balance.visible_division(tx, caller, container_id))
    amount = _number(printed(purse.own.balance, purse.currency))
    return Response(f'{{"amount":{amount},"currency":"{purse.currency}"}}', media_type="application/json")


def _number(text: str) -> str:
    """Written as text, for a float has not enough digits; decimals only when needed."""
    return text.rstrip("0").rstrip(".") if "." in text else text


class ChangeIn(Body):
    amount: AmountText
    transaction_type: Annotated[str, Field(min_length=1, max_length=40)]
    currency: str | None = None


@subaccounts.put("/{container_id}/balance", status_code=204, response_class=Response)
async def change(tx: Tx, caller: Who, once: Once, container_id: int, body: ChangeIn) -> Response:
    """`deposit` adds, any other type takes away."""
    if not caller.is_operator:
        raise Denied("Funds are added and removed by the certificate authority's staff; announce a deposit instead.")
    division = await balance.visible_division(tx, caller, container_id)
    await once(tx, 204, lambda: _change(tx, caller, division, body))
    return Response(status_code=204)


async def _change(tx: Tx, caller: Who, division: Division, body: ChangeIn) -> None:
    amount = await _money(tx, division, body.amount, body.currency)
    given = (tx, division.account_id, division.id, amount)
    if body.transaction_type.strip().lower() == "deposit":
        await actions.deposit_funds(*given, "adjustment", f"adjustment {new_id()}", caller.email, now())
    else:
        await actions.remove_funds(*given, now())
    note(tx, caller.email, "funds changed", f"container/{division.id}", None, body.model_dump(), now())
