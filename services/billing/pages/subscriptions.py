from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.actions import SubscriptionWish
from services.billing.models import Account, Division, Subscription
from services.billing.pages.forms import words_of
from services.billing.queries import balance, subscriptions
from services.billing.rules import from_text, is_number, printed
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, NotFound, Rejected
from shared.events.base import Money
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page, page_operator

router = APIRouter(prefix="/finance/subscriptions", include_in_schema=False)
HERE = "/finance/subscriptions"
PAGE = 50
Operator = Annotated[Caller, Depends(page_operator)]
Form = dict[str, str]


@router.get("")
async def listed(
    request: Request, tx: Tx, caller: PageUser, status: Annotated[str, Query(max_length=20)] = "",
    account_id: Annotated[str, Query(pattern=r"^[0-9]{0,10}$")] = "", before: int | None = None,
) -> Response:  # fmt: skip
    return await _listed(request, tx, caller, status, account_id if caller.is_operator else "", before)


async def _listed(
    request: Request, tx: Tx, caller: Caller, status: str, account_id: str, before: int | None = None,
    form: Form | None = None, refused: DomainError | None = None,
) -> Response:  # fmt: skip
    wanted = {"status": status, "account_id": account_id}
    listing = Listing(PAGE, filters={name: (value,) for name, value in wanted.items() if value})
    total, rows = await subscriptions.subscriptions(tx, caller, listing, before)
    return page(
        request, "subscriptions.html", refused.status if refused else 200, rows=rows, total=total, filters=wanted,
        today=now().date(), before=rows[-1].Subscription.id if len(rows) == PAGE else None, first=bool(before),
        form=form or {}, error=refused.message if refused else "", **await _adding(tx, caller, account_id),
    )  # fmt: skip


async def _adding(tx: Tx, caller: Caller, account_id: str) -> dict[str, Any]:
    """Staff add to the account that they look at."""
    account = await tx.get(Account, int(account_id)) if caller.is_operator and account_id else None
    divisions: Sequence[Division] = await balance.divisions_of(tx, account) if account else []
    return {"account": account, "divisions": divisions}


@router.post("", dependencies=[CsrfChecked])
async def add(request: Request, tx: Tx, who: Operator) -> Response:
    form = await words_of(request)
    account_id = form.get("account_id", "")
    try:
        async with attempt(tx):
            await _add(tx, who, account_id, form)
    except DomainError as refused:
        return await _listed(request, tx, who, "", account_id if is_number(account_id) else "", form=form,
                             refused=refused)  # fmt: skip
    return RedirectResponse(f"{HERE}?account_id={account_id}", 303)


async def _add(tx: Tx, who: Caller, account_id: str, form: Form) -> None:
    account = await tx.get(Account, int(account_id)) if is_number(account_id) else None
    if account is None:
        raise NotFound(f"There is no account {account_id[:20]}; check its number.", "not_found|account")
    division = form.get("division", "")
    wish = SubscriptionWish(
        division_id=int(division) if is_number(division) else 0, name=form.get("name", ""),
        starts_on=_day("Starts on", form.get("starts_on", "")), **_terms(form, account.currency),
    )  # fmt: skip
    await actions.set_subscription(tx, account.id, wish, who.email, now(), only_new=True)


def _terms(form: Form, currency: str) -> dict[str, Any]:
    return {
        "description": form.get("description", ""),
        "quantity": _whole(form.get("quantity", "")),
        "monthly_price": Money(amount=from_text(form.get("monthly_price", ""), currency), currency=currency),
        "ends_on": _day("Ends on", form["ends_on"]) if form.get("ends_on") else None,
    }


def _whole(text: str) -> int:
    if not is_number(text):
        raise Rejected(f"The quantity is a whole number from 1 up, not {text[:40]!r}.")
    return int(text)


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Rejected(f"{name}: {text[:40]!r} is no day of the calendar; give it like 2026-11-03.") from None


@router.get("/{subscription_id}")
async def shown(request: Request, tx: Tx, who: Operator, subscription_id: int) -> Response:
    found = await subscriptions.subscription(tx, who, subscription_id)
    return _shown(request, found, _as_form(found.Subscription))


def _shown(request: Request, found: Any, form: Form, refused: DomainError | None = None) -> Response:
    return page(
        request, "subscription.html", refused.status if refused else 200, found=found, one=found.Subscription,
        form=form, today=now().date(), error=refused.message if refused else "",
    )  # fmt: skip


def _as_form(row: Subscription) -> Form:
    return {
        "description": row.description,
        "quantity": str(row.quantity),
        "monthly_price": printed(row.monthly_price, row.currency),
        "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on.isoformat() if row.ends_on else "",
    }


@router.post("/{subscription_id}", dependencies=[CsrfChecked])
async def change(request: Request, tx: Tx, who: Operator, subscription_id: int) -> Response:
    form = await words_of(request)
    found = await subscriptions.subscription(tx, who, subscription_id)
    there: Subscription = found.Subscription
    try:
        async with attempt(tx):
            starts_on = _day("Starts on", form["starts_on"]) if form.get("starts_on") else there.starts_on
            wish = SubscriptionWish(
                division_id=there.division_id, name=there.name, starts_on=starts_on, **_terms(form, there.currency)
            )
            await actions.set_subscription(tx, there.account_id, wish, who.email, now())
    except DomainError as refused:
        await tx.refresh(there)
        return _shown(request, found, form, refused)
    return RedirectResponse(f"{HERE}/{subscription_id}", 303)
