from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from services.billing import actions
from services.billing.api.exact import OptionalId, finance_router
from services.billing.queries import contacts
from services.billing.queries.balance import MOST
from services.billing.queries.contacts import Place
from services.billing.rules.contact import ContactIn
from shared.web import Body, Tx, Who, now

router = finance_router()
Word = str | int | None


class ContactBody(Body):
    """Of a division, or without `container_id` of every division that has no contact of its own."""

    container_id: Annotated[OptionalId, Field(ge=1, lt=2**31)] = None
    account_id: Annotated[OptionalId, Field(ge=1, lt=2**31)] = None
    name: Word = None
    address: Word = None
    city: Word = None
    state: Word = None
    zip: Word = None
    country: Word = None
    email: str | None = None
    emails: list[str] | None = None
    phone: Word = None

    def given(self) -> ContactIn:
        words = self.model_dump(exclude={"container_id", "account_id", "email", "emails"})
        emails = self.emails if self.emails is not None else self.email
        return ContactIn.of({**{name: None if v is None else str(v) for name, v in words.items()}, "emails": emails})


@router.get("/billing-contact")
async def view(tx: Tx, caller: Who, container_id: OptionalId = None, account_id: OptionalId = None) -> dict[str, Any]:
    """The account's, which is the default, then those of divisions; of one division what is in force for it."""
    place = await contacts.place_of(tx, caller, container_id, account_id)
    if place.division:
        return {"billing_contacts": [_shown(place)]}
    rows = await contacts.divisions_with_contact(tx, caller, place.account.id, MOST)
    return {"billing_contacts": [_shown(place), *(_shown(Place(place.account, row)) for row in rows)]}


def _shown(place: Place) -> dict[str, Any]:
    """As CertCentral's "Billing contact"; `emails` is ours, for a contact with several."""
    words = place.in_force
    emails = {"email": words["emails"][0]} if words.get("emails") else {}
    where = {"container_id": place.division.id} if place.division else {"is_default_contact": True}
    return words | emails | where


@router.put("/billing-contact")
async def change(tx: Tx, caller: Who, body: ContactBody) -> dict[str, Any]:
    place = await contacts.place_of(tx, caller, body.container_id, body.account_id)
    await _set(tx, caller, place, body.given)
    return _shown(place)


@router.delete("/billing-contact", status_code=204)
async def remove(tx: Tx, caller: Who, container_id: OptionalId = None, account_id: OptionalId = None) -> Response:
    await _set(tx, caller, await contacts.place_of(tx, caller, container_id, account_id), lambda: None)
    return Response(status_code=204)


async def _set(tx: Tx, caller: Who, place: Place, given: Callable[[], ContactIn | None]) -> None:
    """Who may not is told so before what is wrong with it."""
    contacts.require_change(caller, place)
    division_id = place.division.id if place.division else None
    await actions.set_billing_contact(tx, place.account.id, division_id, given(), caller.email, now())
