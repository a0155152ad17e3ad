"""Placing an order: choose the product, tell the rest, look at it once more, send it. No step needs a script."""

from datetime import datetime
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.pages import order_draft, typed
from services.orders.pages.order_draft import NEW_ONE, Draft
from services.orders.pages.orders import OrderNumber
from services.orders.rules.methods import METHODS
from services.orders.rules.products import CATALOGUE, DESCRIPTIONS, ORDER_YEARS
from services.orders.rules.validity import MOST_FREE_DAYS, ceiling
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError
from shared.ids import new_id
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/orders", include_in_schema=False)
PAYMENT = {"balance": "From the funds of the division", "on_account": "On account, with the month's invoice"}


@router.get("/new")
async def new(
    request: Request, who: PageUser, tx: Tx, product: str = "", division: str = "", organization: str = ""
) -> Response:
    who.require(*actions.PLACERS)
    if not product:
        return page(request, "order_product.html", groups=groups(), division=division, organization=organization)
    sent = {"product": product, "division": division, "organization": organization, "years": "1"}
    return await _form(request, tx, who, await order_draft.unread(tx, who, sent))


def groups() -> list[tuple[str, list[Any]]]:
    """Told apart by what is proven; those of a private CA stand by themselves."""

    def group(each: Any) -> str:
        return "Private TLS" if each.private else DESCRIPTIONS[each.validation]

    return [(name, list(found)) for name, found in groupby(CATALOGUE, group)]


@router.get("/{order_id:int}/renew")
async def renew(request: Request, order_id: OrderNumber, who: PageUser, tx: Tx) -> Response:
    who.require(*actions.READERS)
    form = await order_draft.renewal_form(tx, who, order_id)
    who.require(*actions.PLACERS)
    return await _form(request, tx, who, await order_draft.unread(tx, who, form))


@router.post("/new", dependencies=[CsrfChecked])
async def send(request: Request, who: PageUser, tx: Tx) -> Response:
    """`step`: read the CSR, check what was typed, change it again, or place it."""
    who.require(*actions.PLACERS)
    sent, at = await typed.typed(request), now()
    step = sent.get("step", "check")
    draft = await order_draft.draft_of(tx, who, sent, at)
    if step == "read":
        return await _read(request, tx, who, draft)
    if step == "change":
        draft.faults.clear()
        return await _form(request, tx, who, draft)
    if draft.faults:
        took = draft.take_names_of_csr()
        return await _form(request, tx, who, draft, "names" if took else "", draft.faults.status)
    if step == "place":
        return await _place(request, tx, who, draft, at)
    return await _preview(request, tx, who, draft, at)


async def _read(request: Request, tx: Tx, who: Caller, draft: Draft) -> Response:
    took = draft.take_names_of_csr()
    for field in [field for field in draft.faults if field != "csr"]:
        del draft.faults[field]
    return await _form(request, tx, who, draft, "names" if took else "", 400 if draft.faults else 200)


async def _place(request: Request, tx: Tx, who: Caller, draft: Draft, at: datetime) -> Response:
    async def placed() -> str:
        if draft.renews:
            await actions.order_to_change(tx, who, draft.renews, actions.PLACERS)
        order, _ = await actions.place_order(tx, draft.wish(), draft.division, actions.placer(who), at)
        return f"/orders/{order.id}?done=placed"

    try:
        async with attempt(tx):
            where = await typed.once(tx, who, draft.form, placed)
    except DomainError as refused:
        again = await order_draft.unread(tx, who, draft.form)
        again.csr = draft.csr
        again.faults.tell(refused)
        return await _form(request, tx, who, again, "", refused.status)
    return RedirectResponse(where, 303)


async def _form(
    request: Request, tx: Tx, who: Caller, draft: Draft, taken: str = "", status: int = 200
) -> Response:  # fmt: skip
    divisions = await queries.divisions_of(tx, who.account_id)
    offered = (
        await order_draft.organizations_offered(tx, who, draft.form["organization"]) if draft.product.level else ()
    )
    names = [(each.id, each.display_name) for each in offered]
    if len(names) == 1 and not draft.form["organization"]:
        draft.form["organization"] = str(names[0][0])
    return page(
        request,
        "order_form.html",
        status,
        form=draft.form | {"division": str(draft.division.id)},
        product=draft.product,
        divisions=[(each.id, each.name) for each in divisions if who.may_see_division(each.id) and each.is_active],
        organizations=[*([("", "Choose")] if names else []), *names, (NEW_ONE, "A new one, told below")],
        is_new=draft.form["organization"] == NEW_ONE or not names,
        years=[(str(years), f"{years} year{'s' if years > 1 else ''}") for years in ORDER_YEARS],
        methods=list(METHODS.items()),
        payments=payments(draft),
        ceiling=ceiling(now().date()),
        csr=draft.csr,
        fields=[(order_draft.own(each), each) for each in draft.fields],
        taken=taken,
        free_days=MOST_FREE_DAYS,
        errors=dict(draft.faults),
    )


def payments(draft: Draft) -> list[tuple[str, str]]:
    """The account's usual way first."""
    usual, ways = draft.division.account.default_payment_method, list(PAYMENT.items())
    if not draft.division.account.may_go_on_account:
        return ways[:1]
    return sorted(ways, key=lambda way: way[0] != usual)


async def _preview(request: Request, tx: Tx, who: Caller, draft: Draft, at: datetime) -> Response:
    chosen = draft.organization
    known = await queries.organization(tx, who, chosen.id) if chosen and chosen.id else None
    if chosen and chosen.id and known is None:
        draft.faults.tell(actions.no_organization(chosen.id))
        return await _form(request, tx, who, draft, "", draft.faults.status)
    end = draft.term.end(at.date()) if draft.term else None
    offered = draft.csr.names if draft.csr else ()
    return page(
        request,
        "order_preview.html",
        form=draft.form | {"once": draft.form["once"] or str(new_id())},
        product=draft.product,
        division=draft.division.name,
        organization=known,
        details=chosen.details if chosen else None,
        csr=draft.csr,
        names=[(name, name in offered) for name in draft.names],
        csr_only=draft.csr_only,
        fields=[(order_draft.own(each), each) for each in draft.fields],
        ends_on=end,
        payment=PAYMENT.get(draft.form["payment_method"], payments(draft)[0][1]),
        method=METHODS.get(draft.form["dcv_method"], next(iter(METHODS.values()))),
        needs_approval=who.role not in actions.APPROVES_OWN,
        renews=draft.renews,
        free_days=0 if draft.form["ends_on"] else MOST_FREE_DAYS,
    )
