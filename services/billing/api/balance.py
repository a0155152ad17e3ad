from typing import Literal

from pydantic import BaseModel

from services.billing.api.exact import OptionalId, finance_router
from services.billing.models import Funds
from services.billing.queries import balance, documents
from services.billing.rules import printed
from shared.errors import Denied
from shared.web import Tx, Who

router = finance_router()


class BalanceOut(BaseModel):
    """contract 3.1: limit and total are left out when the account is unlimited, the flag is there only then."""

    balance: str
    currency: str
    unpaid_invoice_balance: str
    negative_balance_limit: str | None
    used_credit_from_other_containers: str
    total_available_funds: str | None
    unlimited_negative_balance: Literal[True] | None


@router.get("/balance", response_model=BalanceOut, response_model_exclude_none=True)
async def view_balance(tx: Tx, caller: Who, container_id: OptionalId = None) -> BalanceOut:
    if caller.role not in documents.FINANCE:
        raise Denied("This role may not see the balance; ask a finance manager of your account.")
    division = await balance.visible_division(tx, caller, container_id)
    return _balance(await balance.funds_behind(tx, division))


def _balance(funds: Funds) -> BalanceOut:
    def money(amount: int) -> str:
        return printed(amount, funds.currency)

    return BalanceOut(
        balance=money(funds.balance),
        currency=funds.currency,
        unpaid_invoice_balance=money(funds.unpaid),
        negative_balance_limit=None if funds.unlimited else money(funds.negative_limit),
        used_credit_from_other_containers=money(0),  # divisions have no separate funds
        total_available_funds=None if funds.unlimited else money(funds.available),
        unlimited_negative_balance=True if funds.unlimited else None,
    )
