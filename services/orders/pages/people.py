"""Users: the list, adding one, and the page of one with its password, its keys and its end."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.actions import UserChange, UserDetails
from services.orders.models import Account, AppUser
from services.orders.pages.forms import (
    PAGE,
    OptionalId,
    Sent,
    address,
    is_first,
    number,
    numbers,
    tried,
    word,
)
from services.orders.rules import people, secrets
from services.orders.rules.links import password_link
from services.orders.rules.passwords import password_hash
from services.orders.rules.roles import KEY_ROLES, OF_ACCOUNTS, OPERATOR, ROLES
from shared.access import Caller
from shared.errors import DomainError
from shared.ids import new_id
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/account/users", include_in_schema=False)
HERE = "/account/users"
SAVED = {
    "opened": "The account is open. Make a one-time link, so that its administrator can set a password.",
    "added": "The user is added. Make a one-time link, so that a password can be set.",
    "saved": "The user is changed; sessions and keys follow at once.",
    "disabled": "The user is disabled: signed out everywhere, and its API keys are refused.",
    "enabled": "The user is enabled again.",
    "password": "The password is set, and the user is signed out everywhere.",
    "revoked": "The API key is revoked.",
    "made": "That API key was made already, and is shown once only. Revoke it if it was not noted, and make another.",
}


@router.get("")
async def listed(
    request: Request, tx: Tx, who: PageUser, account_id: OptionalId = None,
    search: Annotated[str, Query(max_length=100)] = "", after: int = 0,
) -> Response:  # fmt: skip
    """Staff who name no account see everybody."""
    account = None if who.is_operator and account_id is None else await actions.account_of(tx, who, account_id)
    actions.require_manager(who)
    chosen = account.id if account else None
    rows = await queries.page_of_users(tx, chosen, search.strip(), after, PAGE)
    return page(
        request, "users.html", rows=rows, account=account, search=search.strip(),
        names=await queries.accounts_named(tx, {row.account_id for row in rows if row.account_id}),
        divisions=await queries.divisions_named(tx, {one for row in rows for one in row.divisions}),
        first=address(HERE, who, chosen, search=search.strip()) if after else "",
        next=address(HERE, who, chosen, search=search.strip(), after=rows[-1].id) if len(rows) == PAGE else "",
        add=address(f"{HERE}/new", who, chosen),
    )  # fmt: skip


@router.get("/new")
async def new(request: Request, tx: Tx, who: PageUser, account_id: OptionalId = None) -> Response:
    account = await _account(tx, who, account_id)
    actions.require_manager(who)
    return await _new(request, tx, who, account, None)


async def _account(tx: Tx, who: Caller, account_id: int | None) -> Account | None:
    """None: the staff, whom operators add."""
    return None if who.is_operator and account_id is None else await actions.account_of(tx, who, account_id)


async def _new(
    request: Request, tx: Tx, who: Caller, account: Account | None, form: FormData | None,
    refused: DomainError | None = None,
) -> Response:  # fmt: skip
    chosen = account.id if account else None
    given = {name: word(form, name) for name in form} if form else {}
    return page(
        request, "user_new.html", refused.status if refused else 200, account=account, form=given,
        choices=_roles(account), chosen=set(form.getlist("division")) if form else set(),
        divisions=await _divisions(tx, account), error=refused.message if refused else "",
        action=address(f"{HERE}/new", who, chosen), back=address(HERE, who, chosen),
    )  # fmt: skip


def _roles(account: Account | None) -> list[tuple[str, str]]:
    return [(role, ROLES[role][1]) for role in (OF_ACCOUNTS if account else (OPERATOR,))]


async def _divisions(tx: Tx, account: Account | None) -> list[tuple[str, str]]:
    return [(str(one.id), one.name) for one in await queries.divisions_of(tx, account.id)] if account else []


@router.post("/new", dependencies=[CsrfChecked])
async def add(request: Request, tx: Tx, who: PageUser, form: Sent, account_id: OptionalId = None) -> Response:
    account = await _account(tx, who, account_id)
    actions.require_manager(who)
    chosen = account.id if account else None

    async def deed() -> Response:
        details = UserDetails(**_words(form), divisions=numbers(form, "division"))
        user = await actions.create_user(tx, who, chosen, details, now())
        return RedirectResponse(f"{HERE}/{user.id}?done=added", 303)

    async def again(refused: DomainError) -> Response:
        return await _new(request, tx, who, await _account(tx, who, account_id), form, refused)

    return await tried(tx, deed, again)


def _words(form: FormData) -> dict[str, Any]:
    return {name: word(form, name) for name in ("email", "first_name", "last_name", "job_title", "telephone", "role")}


@router.get("/{user_id:int}")
async def shown(request: Request, tx: Tx, who: PageUser, user_id: int, done: str = "") -> Response:
    return await _shown(request, tx, who, user_id, notice=SAVED.get(done, ""))


async def _shown(
    request: Request, tx: Tx, who: Caller, user_id: int, form: FormData | None = None,
    refused: DomainError | None = None, notice: str = "",
) -> Response:  # fmt: skip
    user = await actions.user_in_sight(tx, who, user_id)
    actions.require_manager(who)
    account = await queries.account(tx, user.account_id) if user.account_id else None
    return page(
        request, "user.html", refused.status if refused else 200, user=user, account=account,
        form={name: getattr(user, name) for name in _words(FormData())} | (_words(form) if form else {}),
        choices=_roles(account), divisions=await _divisions(tx, account),
        chosen=set(form.getlist("division")) if form else {str(one) for one in user.divisions},
        keys=await queries.keys_of(tx, [user.id]), restrictions=KEY_ROLES, once=str(new_id()),
        here=f"{HERE}/{user.id}", back=address(HERE, who, user.account_id), notice=notice,
        error=refused.message if refused else "", at=now(),
    )  # fmt: skip


@router.post("/{user_id:int}", dependencies=[CsrfChecked])
async def change(request: Request, tx: Tx, who: PageUser, user_id: int, form: Sent) -> Response:
    async def deed() -> None:
        wished = UserChange(**_words(form), divisions=numbers(form, "division"))
        await actions.change_user(tx, who, user_id, wished, now())

    return await _done(request, tx, who, user_id, "saved", deed, form)


@router.post("/{user_id:int}/disable", dependencies=[CsrfChecked])
async def disable(request: Request, tx: Tx, who: PageUser, user_id: int) -> Response:
    return await _done(request, tx, who, user_id, "disabled", lambda: actions.disable_user(tx, who, user_id, now()))


@router.post("/{user_id:int}/enable", dependencies=[CsrfChecked])
async def enable(request: Request, tx: Tx, who: PageUser, user_id: int) -> Response:
    return await _done(request, tx, who, user_id, "enabled", lambda: actions.enable_user(tx, who, user_id, now()))


@router.post("/{user_id:int}/password", dependencies=[CsrfChecked])
async def set_password(request: Request, tx: Tx, who: PageUser, user_id: int, form: Sent) -> Response:
    async def deed() -> None:
        user = await actions.user_in_sight(tx, who, user_id)
        password = str(form.get("password", ""))
        people.new_password(password, str(form.get("again", "")), user.email)
        await actions.set_password_of(tx, who, user_id, await run_in_threadpool(password_hash, password), now())

    return await _done(request, tx, who, user_id, "password", deed)


@router.post("/{user_id:int}/link", dependencies=[CsrfChecked])
async def make_link(request: Request, tx: Tx, who: PageUser, user_id: int) -> Response:
    """Shown on this page only; another one replaces it."""

    async def deed() -> Response:
        token = secrets.link_token()
        until = await actions.offer_password_link(tx, who, user_id, token, now())
        user = await actions.user_in_sight(tx, who, user_id)
        return _secret(request, user, "link", password_link(request.app.state.settings.base_url, token), until=until)

    return await _tried(request, tx, who, user_id, deed)


@router.post("/{user_id:int}/keys", dependencies=[CsrfChecked])
async def make_key(request: Request, tx: Tx, who: PageUser, user_id: int, form: Sent) -> Response:
    async def deed() -> Response:
        if not await is_first(tx, who, f"key of {user_id}", word(form, "once")):
            return RedirectResponse(f"{HERE}/{user_id}?done=made", 303)
        key, restriction = secrets.api_key(), number(word(form, "restriction") or "0")
        row = await actions.create_api_key(tx, who, user_id, word(form, "name"), restriction, key, now())
        user = await actions.user_in_sight(tx, who, user_id)
        return _secret(request, user, "key", key, name=row.name)

    return await _tried(request, tx, who, user_id, deed)


@router.get("/{user_id:int}/keys/{key_id:int}/revoke")
async def ask_revoke(request: Request, tx: Tx, who: PageUser, user_id: int, key_id: int) -> Response:
    user = await actions.user_in_sight(tx, who, user_id)
    actions.require_manager(who)
    key = await actions.key_of(tx, user, key_id)
    return page(
        request, "confirm.html", title=f"Revoke the API key “{key.name}”?", verb="Revoke key", kind="danger",
        message="Whatever uses it is refused from now on, and it cannot be brought back.",
        action=f"{HERE}/{user_id}/keys/{key_id}/revoke", back=f"{HERE}/{user_id}",
    )  # fmt: skip


@router.post("/{user_id:int}/keys/{key_id:int}/revoke", dependencies=[CsrfChecked])
async def revoke(request: Request, tx: Tx, who: PageUser, user_id: int, key_id: int) -> Response:
    return await _done(
        request, tx, who, user_id, "revoked", lambda: actions.revoke_key(tx, who, user_id, key_id, now())
    )


def _secret(request: Request, user: AppUser, kind: str, secret: str, **more: Any) -> Response:
    answer = page(request, "secret.html", kind=kind, secret=secret, user=user, back=f"{HERE}/{user.id}", **more)
    answer.headers["cache-control"] = "no-store"
    return answer


async def _done(
    request: Request, tx: Tx, who: Caller, user_id: int, done: str, deed: Callable[[], Awaitable[object]],
    form: FormData | None = None,
) -> Response:  # fmt: skip
    async def redirected() -> Response:
        await deed()
        return RedirectResponse(f"{HERE}/{user_id}?done={done}", 303)

    return await _tried(request, tx, who, user_id, redirected, form)


async def _tried(
    request: Request, tx: Tx, who: Caller, user_id: int, deed: Callable[[], Awaitable[Response]],
    form: FormData | None = None,
) -> Response:  # fmt: skip
    """Who may not is told so on a page of its own, before anything else."""
    await actions.user_in_sight(tx, who, user_id)
    actions.require_manager(who)
    return await tried(tx, deed, lambda refused: _shown(request, tx, who, user_id, form, refused))
