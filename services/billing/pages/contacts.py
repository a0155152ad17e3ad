"""Whom a division is billed to, changed by the account's finance people."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from services.billing import actions
from services.billing.queries import contacts
from services.billing.queries.balance import divisions_shown
from services.billing.queries.contacts import Place
from services.billing.queries.finance import PAYING
from services.billing.queries.papers import buyer_printed
from services.billing.rules.contact import ContactIn, as_words
from shared.db import attempt
from shared.errors import DomainError
from shared.web import CsrfChecked, PageUser, Tx, now, page

router = APIRouter(prefix="/finance/billing-contact", include_in_schema=False)
PAGE, CHOICES = 50, 1000
OptionalId = Annotated[int | None, BeforeValidator(lambda given: given or None)]  # a form sends "" for none
FIELDS = ("name", "address", "city", "state", "zip", "country", "emails", "phone")
SAVED = {
    "saved": "The billing contact is changed; new documents carry it.",
    "removed": "The billing contact is removed.",
}


@router.get("")
async def shown(
    request: Request, tx: Tx, caller: PageUser, container_id: OptionalId = None, account_id: OptionalId = None,
    after: int = 0, done: str = "",
) -> Response:  # fmt: skip
    place = await contacts.place_of(tx, caller, container_id, account_id)
    return await _shown(request, tx, caller, place, _form(place.words), after, notice=SAVED.get(done, ""))


def _form(words: dict[str, Any]) -> dict[str, str]:
    return {name: str(words.get(name, "")) for name in FIELDS} | {"emails": ", ".join(words.get("emails", ()))}


async def _shown(
    request: Request, tx: Tx, caller: PageUser, place: Place, form: dict[str, str], after: int = 0,
    refused: DomainError | None = None, notice: str = "",
) -> Response:  # fmt: skip
    rows = await contacts.divisions_with_contact(tx, caller, place.account.id, PAGE, after)
    return page(
        request, "billing_contact.html", refused.status if refused else 200, place=place, form=form,
        in_force=_form(place.in_force), lines=buyer_printed(place.account.as_buyer(place.division))["address"],
        rows=[(row, _form(as_words(row.billing_contact or {}))) for row in rows],
        divisions=[] if caller.is_operator else await divisions_shown(tx, caller, CHOICES),
        after=rows[-1].id if len(rows) == PAGE else None, first=bool(after), here=_address(place), notice=notice,
        may_change=caller.is_operator or (caller.role in PAYING and bool(place.division or not caller.divisions)),
        error=refused.message if refused else "",
    )  # fmt: skip


def _address(place: Place, done: str = "") -> str:
    where = {"container_id": place.division.id} if place.division else {"account_id": place.account.id}
    return f"/finance/billing-contact?{urlencode(where | ({'done': done} if done else {}))}"


@router.post("", dependencies=[CsrfChecked])
async def change(
    request: Request, tx: Tx, caller: PageUser, container_id: OptionalId = None, account_id: OptionalId = None
) -> Response:
    place = await contacts.place_of(tx, caller, container_id, account_id)
    sent = await request.form()
    form = {name: str(sent.get(name, "")) for name in FIELDS}
    try:
        async with attempt(tx):
            await _change(tx, caller, place, None if sent.get("do") == "remove" else form)
    except DomainError as refused:
        return await _shown(request, tx, caller, place, form, refused=refused)
    return RedirectResponse(_address(place, "removed" if sent.get("do") == "remove" else "saved"), 303)


async def _change(tx: Tx, caller: PageUser, place: Place, form: dict[str, str] | None) -> None:
    contacts.require_change(caller, place)
    contact = ContactIn.of({name: text.strip() for name, text in form.items()}) if form is not None else None
    division_id = place.division.id if place.division else None
    await actions.set_billing_contact(tx, place.account.id, division_id, contact, caller.email, now())
