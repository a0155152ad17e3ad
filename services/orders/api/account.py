"""The account itself, and the custom fields it wants to be told with orders."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api.fields import Id, Text, number
from services.orders.models import Account, AppUser, CustomField
from services.orders.rules.money import in_major_units
from services.orders.rules.roles import ROLES
from shared.events.base import Money
from shared.web import Body, Once, Tx, Who, now

router = APIRouter(prefix="/services/v2/account")
OptionalAccount = Annotated[int | None, Field(ge=1, lt=2**31)]


class AccountBody(Body):
    account_id: Id = None
    name: Text | None = None
    legal_name: Text | None = None
    address: dict[str, Any] | None = None
    vat_number: Text | None = None
    buyer_reference: Text | None = None
    billing_emails: list[Text] | None = None


class FieldBody(Body):
    account_id: Id = None
    label: Text | None = None
    description: Text | None = None
    data_type: str | None = None
    is_required: bool | None = None
    is_active: bool | None = None

    def change(self) -> actions.FieldChange:
        return actions.FieldChange(**self.model_dump(exclude={"account_id"}))


def field_number(field_id: Annotated[str, Path()]) -> int:
    return number(field_id, "not_found|metadata", "custom field")


FieldNumber = Annotated[int, Depends(field_number)]


@router.get("")
async def show_account(tx: Tx, who: Who, account_id: OptionalAccount = None) -> dict[str, Any]:
    who.require(*ROLES)
    account = await actions.account_of(tx, who, account_id)
    return _shown(account, await queries.first_administrator(tx, account.id))


@router.put("", status_code=204, response_class=Response)
async def change_account(body: AccountBody, tx: Tx, who: Who) -> Response:
    """Issuary's own. Invoices and credit notes from now on carry it; issued ones stay as they are."""
    who.require(*ROLES)
    change = body.model_dump(exclude_unset=True, exclude={"account_id"})
    if "billing_emails" in change:
        change["billing_emails"] = tuple(change["billing_emails"] or ())
    await actions.change_account(tx, who, body.account_id, change, now())
    return Response(status_code=204)


@router.get("/metadata")
async def list_fields(tx: Tx, who: Who, account_id: OptionalAccount = None) -> dict[str, Any]:
    who.require(*ROLES)
    account = await actions.account_of(tx, who, account_id)
    return {"metadata": [_field(field) for field in await queries.custom_fields_of(tx, account.id)]}


@router.post("/metadata", status_code=201)
async def add_field(body: FieldBody, tx: Tx, who: Who, once: Once) -> JSONResponse:
    async def added() -> dict[str, Any]:
        who.require(*ROLES)
        return {"id": (await actions.add_custom_field(tx, who, body.account_id, body.change(), now())).id}

    return await once(tx, 201, added)


@router.put("/metadata/{field_id}", status_code=204, response_class=Response)
async def change_field(field_id: FieldNumber, body: FieldBody, tx: Tx, who: Who) -> Response:
    who.require(*ROLES)
    await actions.change_custom_field(tx, who, body.account_id, field_id, body.change(), now())
    return Response(status_code=204)


def _shown(account: Account, administrator: AppUser | None) -> dict[str, Any]:
    told = {
        "id": account.id,
        "primary_organization_name": account.legal_name or account.name,
        "primary_organization_country": (account.address or {}).get("country", ""),
        "admin_email": administrator.email if administrator else "",
        "pricing_model": "price_list",
        "cert_central_type": "enterprise",
        "currency": account.currency,
    }
    if account.negative_limit is not None:
        limit = in_major_units(Money(amount=account.negative_limit, currency=account.currency))
        told["balance_negative_limit"] = int(limit) if limit == limit.to_integral_value() else float(limit)
    return told


def _field(field: CustomField) -> dict[str, Any]:
    return {
        "id": field.id,
        "label": field.label,
        "is_required": field.is_required,
        "is_active": field.is_active,
        "data_type": field.data_type,
        "description": field.description,
    }
