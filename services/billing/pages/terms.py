"""What the CA's staff grant an account: they find it, change it and see who changed what; its own people read it."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.actions import Terms
from services.billing.actions.terms import NOTED
from services.billing.models import Account, Funds, Purse
from services.billing.pages.forms import words_of
from services.billing.queries import terms
from services.billing.rules import from_text, is_number, printed
from services.billing.rules.terms import METHODS, SWITCHES
from shared import audit
from shared.db import attempt
from shared.errors import Denied, DomainError, Rejected
from shared.events.base import Money
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/finance/terms", include_in_schema=False)
PAGE = 50
Text = Annotated[str, Form()]
# What is noted in the audit log, in the words of the page.
WORDS = {
    "negative_limit": "Credit limit",
    "payment_days": "Days to pay",
    "purchase_orders_allowed": "Purchase orders",
    "monthly_billing": "Monthly billing",
    "separate_funds": "Separate funds of divisions",
    "default_payment_method": "Payment where an order names none",
    "low_funds_threshold": "Low-funds alert below",
}
METHOD_WORDS = {
    "balance": "From the balance",
    "on_account": "On account",
    "wire_transfer": "Bank transfer, charged when it arrives",
}


@router.get("")
async def listed(
    request: Request, tx: Tx, caller: PageUser, search: Annotated[str, Query(max_length=255)] = "", after: int = 0
) -> Response:
    """A customer has one account."""
    if not caller.is_operator:
        return await _shown(request, tx, caller, caller.account_id)
    search = search.strip()
    rows = await terms.accounts(tx, search, after, PAGE)
    more = rows[-1][0].id if len(rows) == PAGE else None
    return page(request, "terms_accounts.html", rows=rows, search=search, after=more, first=bool(after))


@router.get("/{account_id}")
async def shown(
    request: Request, tx: Tx, caller: PageUser, account_id: int, before: int | None = None, saved: str = ""
) -> Response:
    return await _shown(request, tx, caller, account_id, before, notice="The terms are changed." if saved else "")


async def _shown(
    request: Request, tx: Tx, caller: PageUser, account_id: int, before: int | None = None, notice: str = "",
    form: dict[str, Any] | None = None, refused: DomainError | None = None,
) -> Response:  # fmt: skip
    account, funds = await terms.visible_terms(tx, caller, account_id)
    purse = Purse(funds, funds)
    days = request.app.state.settings.payment_days
    history = await _history(tx, account_id, before) if caller.is_operator else []
    return page(
        request, "terms.html", refused.status if refused else 200, account=account, purse=purse, notice=notice,
        form=form or _as_form(account, funds, days), methods=METHOD_WORDS, switches=SWITCHES, words=WORDS,
        is_low=_is_low(account, purse), history=history, before=history[-1]["id"] if len(history) == PAGE else None,
        first=bool(before), error=refused.message if refused else "",
    )  # fmt: skip


def _as_form(account: Account, funds: Funds, payment_days: int) -> dict[str, Any]:
    agreed = terms.terms_of(account, funds)
    return {
        "negative_limit": printed(funds.negative_limit, funds.currency),
        "unlimited": agreed.unlimited,
        "payment_days": str(payment_days if agreed.payment_days is None else agreed.payment_days),
        "default_payment_method": agreed.default_payment_method,
        "low_funds": printed(agreed.low_funds.amount, funds.currency) if agreed.low_funds else "",
        **{name: getattr(agreed, name) for name in SWITCHES},
    }


def _is_low(account: Account, purse: Purse) -> bool:
    return account.low_funds is not None and purse.seen.amount < account.low_funds


async def _history(tx: Tx, account_id: int, before: int | None) -> list[dict[str, Any]]:
    rows = await audit.entries_about(tx, f"account/{account_id}", NOTED, before, PAGE)
    return [{"id": row.id, "at": row.at, "who": row.who, "changes": _changes(row.before, row.after)} for row in rows]


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(what, before, after) of what is different."""
    return [
        (WORDS.get(name, name), _said(name, before.get(name)), _said(name, after[name]))
        for name in after
        if before.get(name) != after[name]
    ]


def _said(name: str, value: Any) -> str:
    if value is None:
        return {"negative_limit": "unlimited", "payment_days": "as usual"}.get(name, "none")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return METHOD_WORDS.get(value, str(value)) if name == "default_payment_method" else str(value)


@router.post("/{account_id}", dependencies=[CsrfChecked])
async def change(request: Request, tx: Tx, caller: PageUser, account_id: int) -> Response:
    form = await words_of(request)
    try:
        async with attempt(tx):
            await _change(tx, caller, account_id, form)
    except DomainError as refused:
        return await _shown(request, tx, caller, account_id, form=_typed(form), refused=refused)
    return RedirectResponse(f"/finance/terms/{account_id}?saved=1", 303)


def _typed(form: dict[str, str]) -> dict[str, Any]:
    """As it was sent: what is not ticked does not come along."""
    texts = {name: form.get(name, "") for name in ("negative_limit", "payment_days", "low_funds")}
    method = form.get("default_payment_method", "")
    chosen = {"default_payment_method": method if method in METHODS else METHODS[0]}
    return texts | chosen | {name: name in form for name in ("unlimited", *SWITCHES)}


async def _change(tx: Tx, caller: PageUser, account_id: int, form: dict[str, str]) -> None:
    """The form has all of them, so an empty field says something too."""
    _, funds = await terms.visible_terms(tx, caller, account_id)
    if not caller.is_operator:
        raise Denied("Terms are agreed with the certificate authority's staff; ask them.")
    low = _money(form.get("low_funds", ""), funds.currency)
    wish = Terms(
        negative_limit=_money(form.get("negative_limit", ""), funds.currency),
        unlimited="unlimited" in form,
        payment_days=_days(form.get("payment_days", "")),
        default_payment_method=form.get("default_payment_method", METHODS[0]),
        low_funds=low,
        low_funds_alert=low is not None,
        **{name: name in form for name in SWITCHES},
    )
    await actions.set_terms(tx, account_id, wish, caller.email, now())


def _money(text: str, currency: str) -> Money | None:
    return Money(amount=from_text(text, currency), currency=currency) if text else None


def _days(text: str) -> int:
    if not is_number(text, 5):
        raise Rejected(f"Days to pay is a whole number of days, like 30; {text[:20]!r} is not.")
    return int(text)
