from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api import organization_shapes as shapes
from services.orders.api.organization_bodies import OrganizationBody, OrganizationNumber, ValidationBody, levels
from shared.errors import Rejected
from shared.listing import parse_listing
from shared.web import Once, Tx, Who, now

router = APIRouter(prefix="/services/v2/organization")
Include = Annotated[bool, Query()]


@router.post("", status_code=201)
async def add_organization(body: OrganizationBody, tx: Tx, who: Who, once: Once) -> JSONResponse:
    """The id of the one that is the same, where the account has it already."""

    async def added() -> dict[str, Any]:
        who.require(*actions.ORGANIZATION_ADDERS)
        division = await actions.division_to_order_for(tx, who, body.container.id)
        by, wished = actions.placer(who), levels(body.validations)
        return {"id": (await actions.add_organization(tx, division, body.wish(), wished, by, now())).id}

    return await once(tx, 201, added)


@router.get("")
async def list_organizations(request: Request, tx: Tx, who: Who, include_validation: Include = False) -> JSONResponse:
    who.require(*actions.READERS)
    plain = ("container_id", "account_id", "status", "search", "name")
    listing = parse_listing(
        request.query_params.multi_items(), queries.ORGANIZATION_FILTERS, queries.ORGANIZATION_SORTS, plain
    )
    found, total = await queries.organizations(tx, who, listing)
    shown = [shapes.shape(each, include_validation, who.is_operator, now()) for each in found]
    return JSONResponse(
        {
            "organizations": [each.model_dump(mode="json", exclude_none=True) for each in shown],
            "page": {"total": total, "limit": listing.limit, "offset": listing.offset},
        }
    )


@router.get("/{organization_id}", response_model=shapes.OrganizationInfo, response_model_exclude_none=True)
async def show_organization(organization_id: OrganizationNumber, tx: Tx, who: Who) -> shapes.OrganizationInfo:
    organization = await actions.organization_in_sight(tx, who, organization_id)
    contacts = list(await queries.contacts_of(tx, organization.id))
    return shapes.info(organization, contacts, who.is_operator, now())


@router.get("/{organization_id}/validation")
async def show_validations(organization_id: OrganizationNumber, tx: Tx, who: Who) -> JSONResponse:
    found = shapes.validations(await actions.organization_in_sight(tx, who, organization_id), now())
    return JSONResponse({"validations": [each.model_dump(mode="json", exclude_none=True) for each in found]})


@router.post("/{organization_id}/validation", status_code=204)
async def ask_validation(organization_id: OrganizationNumber, body: ValidationBody, tx: Tx, who: Who) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.ORGANIZATION_ADDERS)
    wished = levels(body.validations)
    if not wished:
        raise Rejected('Say which validation: {"validations": [{"type": "ov"}]}.')
    for level in wished:
        actions.ask_validation(tx, organization, level, actions.placer(who).who, now())
    return Response(status_code=204)


@router.put("/{organization_id}/activate", status_code=204)
async def activate(organization_id: OrganizationNumber, tx: Tx, who: Who) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.ORGANIZATION_CLOSERS)
    actions.activate_organization(tx, organization, who.name, now())
    return Response(status_code=204)


@router.put("/{organization_id}/deactivate", status_code=204)
async def deactivate(organization_id: OrganizationNumber, tx: Tx, who: Who) -> Response:
    organization = await actions.organization_to_change(tx, who, organization_id, actions.ORGANIZATION_CLOSERS)
    actions.deactivate_organization(tx, organization, who.name, now())
    return Response(status_code=204)
