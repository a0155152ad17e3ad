from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Funds, Purse
from services.billing.queries.balance import account_funds
from services.billing.queries.finance import may_read_finance
from services.billing.rules import is_number
from services.billing.rules.terms import Terms
from shared.access import Caller
from shared.errors import NotFound
from shared.events.base import Money

LARGEST_ID = 2**31


def terms_of(account: Account, funds: Funds) -> Terms:
    """All that is agreed; `funds`: the account's row, which holds what its divisions share."""
    return Terms(
        negative_limit=Money(amount=funds.negative_limit, currency=funds.currency),
        unlimited=funds.unlimited,
        payment_days=account.payment_days,
        purchase_orders_allowed=account.purchase_orders_allowed,
        monthly_billing=account.monthly_billing,
        separate_funds=funds.separate,
        default_payment_method=account.default_payment_method,
        low_funds=None if account.low_funds is None else Money(amount=account.low_funds, currency=funds.currency),
        low_funds_alert=account.low_funds is not None,
    )


async def accounts(tx: AsyncSession, search: str, after: int, limit: int) -> Sequence[tuple[Account, Purse]]:
    """With their top-level division's purse: by number, or by how their name begins."""
    query = select(Account, Funds).join(Funds, Funds.division_id == Account.top_division_id)
    query = query.where(Account.id > after, _found(search) if search else true())
    rows = await tx.execute(query.order_by(Account.id).limit(limit))
    return [(account, Purse(funds, funds)) for account, funds in rows]


def _found(search: str) -> ColumnElement[bool]:
    named = func.lower(Account.name).startswith(search.lower(), autoescape=True)
    is_id = is_number(search, 19) and int(search) < LARGEST_ID
    return or_(Account.id == int(search), named) if is_id else named


async def visible_terms(tx: AsyncSession, caller: Caller, account_id: int) -> tuple[Account, Funds]:
    """Another account does not exist for a customer."""
    may_read_finance(caller)
    account = await tx.get(Account, account_id) if caller.is_operator or caller.account_id == account_id else None
    funds = await account_funds(tx, account_id) if account else None
    if account is None or funds is None:
        raise NotFound(f"There is no account {account_id} whose terms you may see.", "not_found|account")
    return account, funds
