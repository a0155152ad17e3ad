"""All API keys of an account, and service users, who have nothing else."""

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.actions import UserDetails
from services.orders.models import Account
from services.orders.pages.forms import PAGE, ChosenAccount, Sent, address, is_first, number, numbers, tried, word
from services.orders.rules import secrets
from services.orders.rules.roles import KEY_ROLES, OF_ACCOUNTS, ROLES
from shared.access import Caller
from shared.errors import DomainError
from shared.ids import new_id
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/account/keys", include_in_schema=False)
HERE = "/account/keys"
SAVED = {"made": "That key was made already, and is shown once only. Revoke it if it was not noted, and make another."}


@router.get("")
async def listed(
    request: Request, tx: Tx, who: PageUser, account: ChosenAccount, after: int = 0, done: str = ""
) -> Response:
    actions.require_manager(who)
    return await _listed(request, tx, who, account, after, notice=SAVED.get(done, ""))


async def _listed(
    request: Request, tx: Tx, who: Caller, account: Account, after: int = 0, form: FormData | None = None,
    refused: DomainError | None = None, notice: str = "",
) -> Response:  # fmt: skip
    rows = await queries.page_of_keys(tx, account.id, after, PAGE)
    return page(
        request, "api_keys.html", refused.status if refused else 200, rows=rows, account=account, notice=notice,
        form={name: word(form, name) for name in form} if form else {"role": "administrator"}, restrictions=KEY_ROLES,
        all_roles=[(role, ROLES[role][1]) for role in OF_ACCOUNTS], once=str(new_id()),
        divisions=[(str(one.id), one.name) for one in await queries.divisions_of(tx, account.id)],
        chosen=set(form.getlist("division")) if form else set(), action=address(HERE, who, account.id),
        first=address(HERE, who, account.id) if after else "", error=refused.message if refused else "",
        next=address(HERE, who, account.id, after=rows[-1][0].id) if len(rows) == PAGE else "",
    )  # fmt: skip


@router.post("", dependencies=[CsrfChecked])
async def add(request: Request, tx: Tx, who: PageUser, account: ChosenAccount, form: Sent) -> Response:
    async def deed() -> Response:
        if not await is_first(tx, who, "service user", word(form, "once")):
            return RedirectResponse(address(HERE, who, account.id, done="made"), 303)
        key, restriction = secrets.api_key(), number(word(form, "restriction") or "0")
        details = UserDetails(
            word(form, "email"), "", word(form, "name"), word(form, "role"), divisions=numbers(form, "division"),
            is_api_only=True,
        )  # fmt: skip
        user = await actions.create_service_user(tx, who, account.id, details, restriction, key, now())
        back = address(HERE, who, account.id)
        answer = page(request, "secret.html", kind="key", secret=key, user=user, name=user.name, back=back)
        answer.headers["cache-control"] = "no-store"
        return answer

    async def again(refused: DomainError) -> Response:
        await tx.refresh(account)
        return await _listed(request, tx, who, account, form=form, refused=refused)

    actions.require_manager(who)
    return await tried(tx, deed, again)
