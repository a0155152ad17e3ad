"""The account's own page, its details, and for staff the list of all accounts and the opening of one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.actions import AccountDetails, UserDetails
from services.orders.models import Account
from services.orders.pages.forms import PAGE, ChosenAccount, OptionalId, Sent, address, tried, word
from shared.access import Caller
from shared.errors import DomainError
from shared.web import CsrfChecked, PageUser, Tx, now, page, page_operator

router = APIRouter(prefix="/account", include_in_schema=False)
Operator = Annotated[Caller, Depends(page_operator)]
HERE = "/account"
PLACE = ("line1", "line2", "postcode", "city", "region", "country")
DETAILS = ("name", "legal_name", "vat_number", "buyer_reference")
FIRST_USER = ("email", "first_name", "last_name")
SAVED = {"saved": "The account is changed; new documents carry it.", "password": "Your password is changed."}


@router.get("")
async def shown(
    request: Request, tx: Tx, who: PageUser, account_id: OptionalId = None,
    search: Annotated[str, Query(max_length=255)] = "", after: int = 0, done: str = "",
) -> Response:  # fmt: skip
    if who.is_operator and account_id is None:
        return await _listed(request, tx, search.strip(), after)
    account = await actions.account_of(tx, who, account_id)
    return page(
        request, "account.html", account=account, may_manage=actions.manages(who), suffix=address("", who, account.id),
        notice=SAVED.get(done, ""),
    )  # fmt: skip


async def _listed(request: Request, tx: Tx, search: str, after: int) -> Response:
    rows = await queries.page_of_accounts(tx, search, after, PAGE)
    following = {"search": search, "after": rows[-1].id} if len(rows) == PAGE else {}
    return page(
        request, "accounts.html", rows=rows, search=search, first=_list(search=search) if after else "",
        next=_list(**following) if following else "",
    )  # fmt: skip


def _list(**asked: Any) -> str:
    return address(HERE, Caller("", "", 0, "", 0, "", "", ""), None, **asked)


@router.get("/details")
async def details(request: Request, who: PageUser, account: ChosenAccount) -> Response:
    actions.require_manager(who)
    return _form(request, who, account, _words(account))


@router.post("/details", dependencies=[CsrfChecked])
async def change(request: Request, tx: Tx, who: PageUser, account: ChosenAccount, form: Sent) -> Response:
    async def deed() -> Response:
        await actions.change_account(tx, who, account.id, _given(form), now())
        return RedirectResponse(address(HERE, who, account.id, done="saved"), 303)

    async def again(refused: DomainError) -> Response:
        await tx.refresh(account)
        return _form(request, who, account, _sent(form), refused)

    actions.require_manager(who)
    return await tried(tx, deed, again)


@router.get("/open")
async def opening(request: Request, who: Operator) -> Response:
    return _form(request, who, None, {})


@router.post("/open", dependencies=[CsrfChecked])
async def open_account(request: Request, tx: Tx, who: Operator, form: Sent) -> Response:
    async def deed() -> Response:
        email, first_name, last_name = (word(form, name) for name in FIRST_USER)
        first = UserDetails(email, first_name, last_name, "administrator")
        user_id = await actions.open_account_by_operator(
            tx, who, AccountDetails(currency=word(form, "currency").upper(), **_given(form)), word(form, "division"),
            first, now(),
        )  # fmt: skip
        return RedirectResponse(f"{HERE}/users/{user_id}?done=opened", 303)

    async def again(refused: DomainError) -> Response:
        return _form(request, who, None, _sent(form), refused)

    return await tried(tx, deed, again)


def _given(form: FormData) -> dict[str, Any]:
    place = {name: word(form, name) or None for name in PLACE}
    emails = [one for one in word(form, "billing_emails").replace(",", " ").split() if one]
    return {
        **{name: word(form, name) or None for name in DETAILS if name != "name"},
        "name": word(form, "name"),
        "address": {**place, "postcode": place["postcode"] or ""} if any(place.values()) else None,
        "billing_emails": tuple(emails),
    }


def _words(account: Account) -> dict[str, str]:
    place = account.address or {}
    told = {name: getattr(account, name) or "" for name in DETAILS} | {name: place.get(name) or "" for name in PLACE}
    return told | {"billing_emails": ", ".join(account.billing_emails)}


def _sent(form: FormData) -> dict[str, str]:
    return {name: str(value) for name, value in form.items() if name != "csrf"}


def _form(
    request: Request, who: Caller, account: Account | None, form: dict[str, str], refused: DomainError | None = None
) -> Response:
    return page(
        request, "account_form.html", refused.status if refused else 200, account=account, form=form,
        error=refused.message if refused else "",
        back=address(HERE, who, account.id if account else None),
        action=address(f"{HERE}/details", who, account.id) if account else f"{HERE}/open",
    )  # fmt: skip
