from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.models import Organization
from services.orders.pages import organization_shown
from services.orders.rules.checklist import LEVELS, Level
from services.orders.rules.organizations import Contact, Details, OrganizationWish
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, Rejected
from shared.listing import Listing
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/organizations", include_in_schema=False)
PAGE = 50
OrganizationNumber = Annotated[int, Path(ge=1, lt=2**31)]
DETAILS = tuple(Details.__dataclass_fields__)
# In the order of Contact's fields.
CONTACT = ("contact_type", "first_name", "last_name", "email", "job_title", "telephone")
DONE = {
    "added": "The organization is added; our staff look at it.",
    "known": "Your account had this organization already; nothing was added.",
    "changed": "The organization is changed.",
    "asked": "Validation is asked for; our staff look at it.",
}


async def words(request: Request) -> dict[str, str]:
    sent = await request.form()
    found = {name: str(value).strip() for name, value in sent.items() if name != "csrf"}
    if any("\0" in text for text in found.values()):
        raise Rejected("A text has a NUL character, which cannot be kept; take it out.")
    return found


@router.get("")
async def list_organizations(
    request: Request, who: PageUser, tx: Tx, status: str = "", search: str = "", division: str = "", before: int = 0
) -> Response:
    who.require(*actions.READERS)
    chosen = {"status": status, "search": search.strip(), "container_id": division}
    listing = Listing(limit=PAGE, filters={name: (value,) for name, value in chosen.items() if value})
    rows, total = await queries.page_of_organizations(tx, who, listing, before)
    filters = {"status": status, "search": search, "division": division}
    return page(
        request,
        "organizations.html",
        rows=[organization_shown.listed(row, now()) for row in rows],
        total=total,
        filters=filters,
        divisions=await _divisions(tx, who),
        may_add=who.role in actions.ORGANIZATION_ADDERS,
        next=_address({**filters, "before": str(rows[-1].id)}) if len(rows) == PAGE else "",
        first=_address(filters) if before else "",
    )


async def _divisions(tx: Tx, who: Caller) -> list[tuple[int, str]]:
    found = await queries.divisions_of(tx, who.account_id)
    return [(each.id, each.name) for each in found if who.may_see_division(each.id)]


def _address(filters: dict[str, str]) -> str:
    kept = {name: value for name, value in filters.items() if value}
    return f"/organizations?{urlencode(kept)}" if kept else "/organizations"


@router.get("/new")
async def new(request: Request, who: PageUser, tx: Tx) -> Response:
    who.require(*actions.ORGANIZATION_ADDERS)
    return await _form(request, tx, who, {"level": "ov"})


@router.post("", dependencies=[CsrfChecked])
async def add(request: Request, who: PageUser, tx: Tx) -> Response:
    who.require(*actions.ORGANIZATION_ADDERS)
    form, at = await words(request), now()
    try:
        async with attempt(tx):
            organization = await _add(tx, who, form, at)
    except DomainError as refused:
        return await _form(request, tx, who, form, refused=refused)
    done = "added" if organization.created_at == at else "known"
    return RedirectResponse(f"/organizations/{organization.id}?done={done}", 303)


async def _add(tx: Tx, who: Caller, form: dict[str, str], at: datetime) -> Organization:
    division = form.get("division", "")
    home = await actions.division_to_order_for(tx, who, int(division) if _is_id(division) else None)
    wish = OrganizationWish(None, _details(form))
    return await actions.add_organization(tx, home, wish, _levels(form), actions.placer(who), at)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 10


def _details(form: dict[str, str]) -> Details:
    return Details(**{name: form.get(name, "") for name in DETAILS})


def _levels(form: dict[str, str]) -> list[Level]:
    return [level for level in LEVELS if level == form.get("level")]


async def _form(
    request: Request,
    tx: Tx,
    who: Caller,
    form: dict[str, str],
    organization: Organization | None = None,
    refused: DomainError | None = None,
) -> Response:
    divisions = await queries.divisions_of(tx, who.account_id)
    return page(
        request,
        "organization_form.html",
        refused.status if refused else 200,
        form={name: form.get(name, "") for name in (*DETAILS, "division", "level")},
        organization=organization,
        is_validated=organization is not None and organization.is_validated("ov", now()),
        divisions=[(each.id, each.name) for each in divisions if who.may_see_division(each.id) and each.is_active],
        levels=list(LEVELS.items()),
        error=refused.message if refused else "",
    )


@router.get("/{organization_id:int}")
async def show(
    request: Request, organization_id: OrganizationNumber, who: PageUser, tx: Tx, done: str = ""
) -> Response:
    seen = await actions.organization_in_sight(tx, who, organization_id)
    return await _show(request, tx, who, seen, DONE.get(done, ""))


async def _show(
    request: Request,
    tx: Tx,
    who: Caller,
    organization: Organization,
    notice: str = "",
    form: dict[str, str] | None = None,
    refused: DomainError | None = None,
) -> Response:
    contacts = await queries.contacts_of(tx, organization.id)
    history = await queries.history_of(tx, organization.id)
    return page(
        request,
        "organization.html",
        refused.status if refused else 200,
        **organization_shown.shown(organization, contacts, history, who, now()),
        notice=notice,
        form={name: (form or {}).get(name, "") for name in CONTACT},
        error=refused.message if refused else "",
    )


@router.get("/{organization_id:int}/edit")
async def edit(request: Request, organization_id: OrganizationNumber, who: PageUser, tx: Tx) -> Response:
    organization = await actions.organization_in_sight(tx, who, organization_id)
    who.require(*actions.ORGANIZATION_EDITORS)
    return await _form(request, tx, who, vars(organization.details), organization)


@router.post("/{organization_id:int}/edit", dependencies=[CsrfChecked])
async def change(request: Request, organization_id: OrganizationNumber, who: PageUser, tx: Tx) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.ORGANIZATION_EDITORS)
    form = await words(request)
    try:
        async with attempt(tx):
            await actions.change_organization(tx, organization, _details(form), who.name, now())
    except DomainError as refused:
        seen = await actions.organization_in_sight(tx, who, organization_id)
        return await _form(request, tx, who, form, seen, refused)
    return RedirectResponse(f"/organizations/{organization_id}?done=changed", 303)


@router.post("/{organization_id:int}/validation", dependencies=[CsrfChecked])
async def ask(
    request: Request, organization_id: OrganizationNumber, who: PageUser, tx: Tx, level: Annotated[str, Form()] = ""
) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.ORGANIZATION_ADDERS)
    try:
        for each in _levels({"level": level}):
            actions.ask_validation(tx, organization, each, who.name, now())
    except DomainError as refused:
        seen = await actions.organization_in_sight(tx, who, organization_id)
        return await _show(request, tx, who, seen, refused=refused)
    return RedirectResponse(f"/organizations/{organization_id}?done=asked", 303)


@router.post("/{organization_id:int}/contacts", dependencies=[CsrfChecked])
async def add_contact(request: Request, organization_id: OrganizationNumber, who: PageUser, tx: Tx) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.ORGANIZATION_ADDERS)
    form = await words(request)
    try:
        async with attempt(tx):
            await actions.set_contacts(tx, organization, [_contact(form)], now())
    except DomainError as refused:
        seen = await actions.organization_in_sight(tx, who, organization_id)
        return await _show(request, tx, who, seen, form=form, refused=refused)
    return RedirectResponse(f"/organizations/{organization_id}", 303)


def _contact(form: dict[str, str]) -> Contact:
    kind, *rest = (form.get(name, "")[:255] for name in CONTACT)
    if kind not in organization_shown.CONTACT_TYPES:
        raise Rejected("Choose what the contact is for.")
    return Contact(kind, None, *rest)


@router.get("/{organization_id:int}/deactivate")
async def confirm(request: Request, organization_id: OrganizationNumber, who: PageUser, tx: Tx) -> Response:
    organization = await actions.organization_in_sight(tx, who, organization_id)
    who.require(*actions.ORGANIZATION_CLOSERS)
    here = f"/organizations/{organization_id}"
    return page(
        request,
        "confirm.html",
        title=f"Deactivate {organization.display_name}?",
        message="No certificate is issued for it any more, and its open orders wait. It can be activated again.",
        action=f"{here}/deactivate",
        verb="Deactivate",
        kind="danger",
        back=here,
        back_text="Keep it active",
    )


@router.post("/{organization_id:int}/{deed}", dependencies=[CsrfChecked])
async def close_or_open(organization_id: OrganizationNumber, deed: str, who: PageUser, tx: Tx) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.ORGANIZATION_CLOSERS)
    if deed == "deactivate":
        actions.deactivate_organization(tx, organization, who.name, now())
    elif deed == "activate":
        actions.activate_organization(tx, organization, who.name, now())
    return RedirectResponse(f"/organizations/{organization_id}", 303)
