"""The tree of an account's divisions, and the page of one."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.actions import DivisionChange
from services.orders.models import Account, Division
from services.orders.pages.forms import ChosenAccount, Sent, address, number, tried, word
from services.orders.rules.products import CATALOGUE
from shared.access import Caller
from shared.errors import DomainError
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/account/divisions", include_in_schema=False)
HERE = "/account/divisions"
SAVED = {"added": "The division is added.", "saved": "The division is changed."}


@router.get("")
async def listed(request: Request, tx: Tx, who: PageUser, account: ChosenAccount, done: str = "") -> Response:
    return await _listed(request, tx, who, account, notice=SAVED.get(done, ""))


async def _listed(
    request: Request, tx: Tx, who: Caller, account: Account, form: FormData | None = None,
    refused: DomainError | None = None, notice: str = "",
) -> Response:  # fmt: skip
    divisions = await queries.divisions_of(tx, account.id)
    return page(
        request, "divisions.html", refused.status if refused else 200, account=account, form=dict(form or {}),
        rows=list(tree([one for one in divisions if who.may_see_division(one.id)])), may_manage=actions.manages(who),
        parents=[(one.id, one.name) for one in divisions if one.is_active], notice=notice,
        action=address(HERE, who, account.id), error=refused.message if refused else "",
    )  # fmt: skip


def tree(divisions: Sequence[Division]) -> Iterator[tuple[int, Division]]:
    """With the depth of each. One whose parent is out of sight stands at the top."""
    seen = {one.id for one in divisions}
    below: dict[int | None, list[Division]] = {}
    for one in sorted(divisions, key=lambda one: one.name.casefold()):
        below.setdefault(one.parent_id if one.parent_id in seen else None, []).append(one)
    waiting = [(0, one) for one in reversed(below.get(None, []))]
    while waiting:
        depth, one = waiting.pop()
        yield depth, one
        waiting += [(depth + 1, child) for child in reversed(below.get(one.id, []))]


@router.post("", dependencies=[CsrfChecked])
async def add(request: Request, tx: Tx, who: PageUser, account: ChosenAccount, form: Sent) -> Response:
    async def deed() -> Response:
        parent = number(word(form, "parent"))
        await actions.create_division(tx, who, parent, word(form, "name"), word(form, "description"), now())
        return RedirectResponse(address(HERE, who, account.id, done="added"), 303)

    async def again(refused: DomainError) -> Response:
        return await _listed(request, tx, who, await _fresh(tx, who, account), form, refused)

    actions.require_manager(who)
    return await tried(tx, deed, again)


async def _fresh(tx: Tx, who: Caller, account: Account) -> Account:
    await tx.refresh(account)
    return account


@router.get("/{division_id:int}")
async def shown(request: Request, tx: Tx, who: PageUser, division_id: int, done: str = "") -> Response:
    division = await actions.division_in_sight(tx, who, division_id)
    return await _shown(request, tx, who, division, notice=SAVED.get(done, ""))


async def _shown(
    request: Request, tx: Tx, who: Caller, division: Division, refused: DomainError | None = None, notice: str = ""
) -> Response:
    found = await queries.divisions_of(tx, division.account_id)
    divisions = {one.id: one for one in found if who.may_see_division(one.id)}
    return page(
        request, "division.html", refused.status if refused else 200, division=division,
        parent=divisions.get(division.parent_id or 0), may_manage=actions.manages(who),
        children=[one for one in divisions.values() if one.parent_id == division.id],
        products=[(each.name_id, each.name) for each in CATALOGUE], back=address(HERE, who, division.account_id),
        notice=notice, error=refused.message if refused else "",
    )  # fmt: skip


@router.post("/{division_id:int}", dependencies=[CsrfChecked])
async def change(request: Request, tx: Tx, who: PageUser, division_id: int, form: Sent) -> Response:
    async def deed() -> Response:
        await actions.change_division(tx, who, division_id, _change(form), now())
        return RedirectResponse(f"{HERE}/{division_id}?done=saved", 303)

    async def again(refused: DomainError) -> Response:
        division = await actions.division_in_sight(tx, who, division_id)
        await tx.refresh(division)
        return await _shown(request, tx, who, division, refused)

    await actions.division_in_sight(tx, who, division_id)
    actions.require_manager(who)
    return await tried(tx, deed, again)


def _change(form: FormData) -> DivisionChange:
    if switch := word(form, "switch"):
        return DivisionChange(is_active=switch == "on")
    products = tuple(str(name_id) for name_id in form.getlist("product"))
    every = len(products) == len(CATALOGUE)
    return DivisionChange(word(form, "name"), word(form, "description"), None, () if every else products)
