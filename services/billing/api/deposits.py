from typing import Annotated, Any

from pydantic import Field
from starlette.responses import JSONResponse

from services.billing import actions
from services.billing.api.exact import AmountText, finance_router
from services.billing.models import Division
from services.billing.queries import balance, finance, prefetch
from services.billing.rules import from_text, printed
from shared.audit import note
from shared.errors import NotFound, Rejected
from shared.events.base import Money
from shared.ids import new_id
from shared.web import Body, Once, Tx, Who, now

router = finance_router()


class DepositIn(Body):
    container_id: Annotated[int, Field(ge=1, lt=2**31)]
    amount: AmountText
    currency: str | None = None
    payment_method: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z_]+$")] = "wire_transfer"
    reference: Annotated[str | None, Field(max_length=255)] = None


@router.post("/deposit", status_code=201)
async def deposit(tx: Tx, caller: Who, once: Once, body: DepositIn) -> JSONResponse:
    """Of staff it is settled: the money has arrived. A customer's is pending until it has."""
    division = await tx.get(Division, body.container_id)
    if division is None:
        raise NotFound(f"There is no container {body.container_id}; check its id.", "not_found|container")
    finance.require_finance_of(caller, division.account_id, division.id)
    return await once(tx, 201, lambda: _deposit(tx, caller, division, body))


async def _deposit(tx: Tx, caller: Who, division: Division, body: DepositIn) -> dict[str, Any]:
    await prefetch.lock_funds(tx, {division.account_id}, {division.id})
    funds = await balance.account_funds(tx, division.account_id)
    currency = body.currency or (funds.currency if funds else "")
    amount = Money(amount=from_text(body.amount, currency), currency=currency)
    made = await (_settled if caller.is_operator else _pending)(tx, caller, division, amount, body)
    return made | {"amount": printed(amount.amount, currency), "currency": currency}


async def _settled(tx: Tx, caller: Who, division: Division, amount: Money, body: DepositIn) -> dict[str, Any]:
    reference = body.reference or f"deposit {new_id()}"
    payment_id = await actions.deposit_funds(
        tx, division.account_id, division.id, amount, body.payment_method, reference, caller.email, now()
    )
    note(tx, caller.email, "deposit recorded", f"container/{division.id}", None, body.model_dump(), now())
    return {"id": payment_id, "status": "settled", "reference": reference}


async def _pending(tx: Tx, caller: Who, division: Division, amount: Money, body: DepositIn) -> dict[str, Any]:
    if body.payment_method != "wire_transfer":
        raise Rejected("Funds are deposited by wire_transfer; leave payment_method out.", "payment_method_invalid")
    payment = await actions.announce_deposit(
        tx, division.account_id, division.id, amount, body.payment_method, caller.email, now()
    )
    return {"id": payment.id, "status": "pending", "reference": payment.reference}
