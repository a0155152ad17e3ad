"""The custom fields that an account wants to be told with its orders."""

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.actions import DATA_TYPES, FieldChange
from services.orders.models import Account
from services.orders.pages.forms import ChosenAccount, Deed, Sent, address, tried, word
from shared.access import Caller
from shared.errors import DomainError
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/account/fields", include_in_schema=False)
HERE = "/account/fields"
SAVED = {"added": "The field is added.", "saved": "The field is changed."}
TYPES = {
    "text": "Text", "anything": "Anything", "int": "Whole number", "email_address": "E-mail address",
    "email_list": "E-mail addresses",
}  # fmt: skip


@router.get("")
async def listed(
    request: Request, tx: Tx, who: PageUser, account: ChosenAccount, edit: int = 0, done: str = ""
) -> Response:
    actions.require_manager(who)
    return await _listed(request, tx, who, account, edit, notice=SAVED.get(done, ""))


async def _listed(
    request: Request, tx: Tx, who: Caller, account: Account, edit: int = 0, form: FormData | None = None,
    refused: DomainError | None = None, notice: str = "",
) -> Response:  # fmt: skip
    rows = await queries.custom_fields_of(tx, account.id)
    return page(
        request, "custom_fields.html", refused.status if refused else 200, rows=rows, account=account, notice=notice,
        edited=next((row for row in rows if row.id == edit), None), types=[(name, TYPES[name]) for name in DATA_TYPES],
        form={name: word(form, name) for name in form} if form else {}, here=address(HERE, who, account.id),
        base=HERE, suffix=address("", who, account.id), error=refused.message if refused else "",
    )  # fmt: skip


@router.post("", dependencies=[CsrfChecked])
async def add(request: Request, tx: Tx, who: PageUser, account: ChosenAccount, form: Sent) -> Response:
    async def deed() -> Response:
        await actions.add_custom_field(tx, who, account.id, _wished(form), now())
        return RedirectResponse(address(HERE, who, account.id, done="added"), 303)

    return await _tried(request, tx, who, account, 0, form, deed)


@router.post("/{field_id:int}", dependencies=[CsrfChecked])
async def change(
    request: Request, tx: Tx, who: PageUser, account: ChosenAccount, field_id: int, form: Sent
) -> Response:
    async def deed() -> Response:
        await actions.change_custom_field(tx, who, account.id, field_id, _wished(form), now())
        return RedirectResponse(address(HERE, who, account.id, done="saved"), 303)

    return await _tried(request, tx, who, account, field_id, form, deed)


async def _tried(
    request: Request, tx: Tx, who: Caller, account: Account, edit: int, form: FormData, deed: Deed
) -> Response:
    async def again(refused: DomainError) -> Response:
        if refused.status == 404:
            raise refused
        await tx.refresh(account)
        return await _listed(request, tx, who, account, edit, form, refused)

    actions.require_manager(who)
    return await tried(tx, deed, again)


def _wished(form: FormData) -> FieldChange:
    return FieldChange(
        label=word(form, "label"),
        description=word(form, "description"),
        data_type=word(form, "data_type"),
        is_required="is_required" in form,
        is_active="is_active" in form,
    )
