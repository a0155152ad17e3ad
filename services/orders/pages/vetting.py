"""Where the CA's staff validate organizations: the queue, and the checklist of one."""

from dataclasses import fields
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.actions import CheckWish
from services.orders.models import Organization
from services.orders.pages import organization_shown
from services.orders.pages.organizations import PAGE, OrganizationNumber, words
from services.orders.rules.vetting import Record
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, Rejected
from shared.web import CsrfChecked, Tx, now, page, page_operator

router = APIRouter(prefix="/organizations", include_in_schema=False)
Staff = Annotated[Caller, Depends(page_operator)]
CHECK = ("kind", "source", "evidence", "checked_on", "passed")


@router.get("/queue")
async def queue(request: Request, who: Staff, tx: Tx, since: datetime | None = None, after: int = 0) -> Response:
    rows, total = await queries.queue(tx, PAGE, (since, after) if since else None)
    last = rows[-1] if len(rows) == PAGE else None
    more = f"?since={last.asked.open_since:%Y-%m-%dT%H:%M:%S.%fZ}&after={last.organization.id}" if last else ""
    return page(
        request,
        "organization_queue.html",
        rows=[organization_shown.waiting(row, now()) for row in rows],
        total=total,
        next=f"/organizations/queue{more}" if more else "",
        first="/organizations/queue" if since else "",
    )


@router.get("/{organization_id:int}/vetting")
async def checklist(request: Request, organization_id: OrganizationNumber, who: Staff, tx: Tx) -> Response:
    seen = await actions.organization_in_sight(tx, who, organization_id)
    return await _checklist(request, tx, seen)


async def _checklist(
    request: Request, tx: Tx, organization: Organization, form: dict[str, str] | None = None,
    refused: DomainError | None = None,
) -> Response:  # fmt: skip
    contacts = await queries.contacts_of(tx, organization.id)
    former = await queries.former_checks(tx, organization)
    shown = organization_shown.vetted(organization, contacts, former, now())
    typed = form or {}
    return page(
        request,
        "vetting.html",
        refused.status if refused else 200,
        **{**shown, "record_form": {**shown["record_form"], **{k: v for k, v in typed.items() if k in RECORD}}},
        form={name: typed.get(name, "") for name in CHECK},
        error=refused.message if refused else "",
    )


RECORD = tuple(each.name for each in fields(Record))


@router.post("/{organization_id:int}/record", dependencies=[CsrfChecked])
async def enter_record(request: Request, organization_id: OrganizationNumber, who: Staff, tx: Tx) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.STAFF)
    form = await words(request)
    try:
        async with attempt(tx):
            actions.enter_record(tx, organization, Record(**{name: form.get(name, "") for name in RECORD}), who, now())
    except DomainError as refused:
        seen = await actions.organization_in_sight(tx, who, organization_id)
        return await _checklist(request, tx, seen, form, refused)
    return RedirectResponse(f"/organizations/{organization_id}/vetting", 303)


@router.post("/{organization_id:int}/checks", dependencies=[CsrfChecked])
async def record_check(request: Request, organization_id: OrganizationNumber, who: Staff, tx: Tx) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.STAFF)
    form = await words(request)
    try:
        async with attempt(tx):
            actions.record_check(tx, organization, _wish(form), who, now())
    except DomainError as refused:
        seen = await actions.organization_in_sight(tx, who, organization_id)
        return await _checklist(request, tx, seen, form, refused)
    return RedirectResponse(f"/organizations/{organization_id}/vetting#{form['kind']}", 303)


def _wish(form: dict[str, str]) -> CheckWish:
    try:
        on = date.fromisoformat(form.get("checked_on", ""))
    except ValueError:
        raise Rejected("Enter the day on which it was found out, like 2026-11-23.") from None
    if form.get("passed") not in ("yes", "no"):
        raise Rejected("Say whether what was found is good.")
    return CheckWish(
        form.get("kind", ""), form.get("source", ""), form.get("evidence", ""), on, form.get("passed") == "yes"
    )
