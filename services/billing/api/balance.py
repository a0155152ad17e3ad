from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.billing.api.exact import OptionalId, finance_router
from services.billing.models import Purse
from services.billing.queries import balance, documents
from services.billing.rules import printed
from shared.errors import Denied
from shared.web import Tx, Who

router = finance_router()

UNPAID = (
    "What was bought on account, from its recording until it is paid. It is not the sum to pay: that is the sum of the "
    "amounts due in the list of invoices, where purchase orders and amounts owed stand too."
)


class BalanceOut(BaseModel):
    """CertCentral's "View balance": limit and total are left out when the account is unlimited, and the flag is there
    only then."""

    balance: str
    currency: str
    unpaid_invoice_balance: Annotated[str, Field(description=UNPAID)]
    negative_balance_limit: str | None
    used_credit_from_other_containers: str
    total_available_funds: str | None
    unlimited_negative_balance: Literal[True] | None


@router.get("/balance", response_model=BalanceOut, response_model_exclude_none=True)
async def view_balance(tx: Tx, caller: Who, container_id: OptionalId = None) -> BalanceOut:
    if caller.role not in documents.FINANCE:
        raise Denied("This role may not see the balance; ask a finance manager of your account.")
    division = await balance.visible_division(tx, caller, container_id)
    return _balance(await balance.purse_behind(tx, division))


def _balance(purse: Purse) -> BalanceOut:
    def money(amount: int) -> str:
        return printed(amount, purse.currency)

    return BalanceOut(
        balance=money(purse.own.balance),
        currency=purse.currency,
        unpaid_invoice_balance=money(purse.own.unpaid),
        negative_balance_limit=None if purse.unlimited else money(purse.top.negative_limit),
        used_credit_from_other_containers=money(purse.used_elsewhere),
        total_available_funds=None if purse.unlimited else money(purse.available),
        unlimited_negative_balance=True if purse.unlimited else None,
    )
