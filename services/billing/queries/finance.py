"""Who may see and do what of an account's finances (design 8)."""

from typing import Any

from sqlalchemy import ColumnElement, and_, true

from services.billing.models import Payment, PurchaseOrder, Subscription, Usage
from services.billing.queries.documents import FINANCE, ORDER_KEYS
from shared.access import Caller
from shared.errors import Denied, NotFound

PAYING = ("administrator", "finance_manager")


def may_read_finance(caller: Caller) -> None:
    if caller.key_role in ORDER_KEYS or caller.role not in FINANCE:
        raise Denied("This role or API key may not see finances; ask a finance manager of your account.")


Scoped = type[PurchaseOrder] | type[Payment] | type[Subscription] | type[Usage]


def finance_scope(caller: Caller, model: Scoped) -> ColumnElement[bool]:
    may_read_finance(caller)
    if caller.is_operator:
        return true()
    scope: Any = model.account_id == caller.account_id
    return and_(scope, model.division_id.in_(caller.divisions)) if caller.divisions else scope


def require_finance_of(caller: Caller, account_id: int, division_id: int) -> None:
    """To pay, to deposit or to submit. Another account's division does not exist for the caller."""
    if caller.key_role in ORDER_KEYS or caller.role not in (*PAYING, "operator"):
        raise Denied("This role or API key may not work with finances; ask a finance manager of your account.")
    if not caller.may_see(account_id, division_id):
        raise NotFound(f"There is no container {division_id} that you may see; check its id.", "not_found|container")
