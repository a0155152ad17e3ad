"""Divisions, called containers on the wire."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api.fields import Text, number
from services.orders.api.people import UserBody
from services.orders.models import Division
from services.orders.rules.roles import ROLES
from shared.web import Body, Once, Tx, Who, now

router = APIRouter(prefix="/services/v2/container")
TEMPLATE = {"id": 5, "name": "Standard"}  # there is one kind of division


def container_number(container_id: Annotated[str, Path()]) -> int:
    return number(container_id, "not_found|container", "division")


ContainerNumber = Annotated[int, Depends(container_number)]
OptionalAccount = Annotated[int | None, Field(ge=1, lt=2**31)]


class ContainerBody(Body):
    name: Text | None = None
    description: Text | None = None
    is_active: bool | None = None
    allowed_product_name_ids: tuple[str, ...] | None = None
    all_products_allowed: bool = False
    user: UserBody | None = None

    def change(self) -> actions.DivisionChange:
        """`all_products_allowed` takes a limit away: an empty list means that nothing was said (T6)."""
        products = () if self.all_products_allowed else self.allowed_product_name_ids
        return actions.DivisionChange(self.name, self.description, self.is_active, products)


@router.get("")
async def list_containers(tx: Tx, who: Who, account_id: OptionalAccount = None) -> dict[str, Any]:
    who.require(*ROLES)
    account = await actions.account_of(tx, who, account_id)
    seen = [one for one in await queries.divisions_of(tx, account.id) if who.may_see_division(one.id)]
    return {"containers": [shown(division) for division in seen]}


@router.get("/{container_id}")
async def show_container(container_id: ContainerNumber, tx: Tx, who: Who) -> dict[str, Any]:
    who.require(*ROLES)
    return shown(await actions.division_in_sight(tx, who, container_id))


@router.get("/{container_id}/template")
async def templates(container_id: ContainerNumber, tx: Tx, who: Who) -> dict[str, Any]:
    """What a sub-division of it can be made of."""
    who.require(*ROLES)
    await actions.division_in_sight(tx, who, container_id)
    return {"container_templates": [TEMPLATE]}


@router.post("/{container_id}/children", status_code=201)
async def add_child(container_id: ContainerNumber, body: ContainerBody, tx: Tx, who: Who, once: Once) -> JSONResponse:
    """With `user`, its first one, who sees this division alone."""

    async def added() -> dict[str, Any]:
        who.require(*ROLES)
        division = await actions.create_division(tx, who, container_id, body.name or "", body.description or "", now())
        if body.user:
            given = body.user.model_copy(update={"container_id_assignments": (division.id,)})
            await actions.create_user(tx, who, division.account_id, given.details(), now())
        return {"id": division.id}

    return await once(tx, 201, added)


@router.put("/{container_id}", status_code=204, response_class=Response)
async def change_container(container_id: ContainerNumber, body: ContainerBody, tx: Tx, who: Who) -> Response:
    who.require(*ROLES)
    await actions.change_division(tx, who, container_id, body.change(), now())
    return Response(status_code=204)


def shown(division: Division) -> dict[str, Any]:
    return {
        "id": division.id,
        "public_id": str(division.public_id),
        "name": division.name,
        "description": division.description,
        "parent_id": division.parent_id or 0,
        "template_id": TEMPLATE["id"],
        "has_logo": False,
        "is_active": division.is_active,
        "allowed_domain_names": [],
        "allowed_product_name_ids": division.product_name_ids,
    }
