from typing import Annotated

from fastapi import APIRouter, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api import shapes
from services.orders.api.at_once import AnswersAtOnce, Asked
from services.orders.api.bodies import OrderBody, OrderNumber, StatusBody
from shared.errors import Rejected
from shared.listing import parse_listing
from shared.web import Tx, Who, now

router = APIRouter(prefix="/services/v2")


@router.post("/order/certificate/{product_name_id}", status_code=201)
async def place_order(product_name_id: str, body: OrderBody, who: Who, at_once: AnswersAtOnce) -> JSONResponse:
    async def placed(tx: AsyncSession) -> Asked:
        division = await actions.division_to_order_for(tx, who, body.container.id)
        wish = body.wish(body.product_in(product_name_id).name_id)
        if wish.options.renewal_of_order_id:
            await actions.order_to_change(tx, who, wish.options.renewal_of_order_id, actions.PLACERS)
        order, request = await actions.place_order(tx, wish, division, actions.placer(who), now())
        answer = {
            "id": order.id,
            "requests": [{"id": request.id, "status": request.status}],
            "dcv_random_value": request.dcv_random_value,
        }
        return Asked(request, answer)

    return await at_once(placed)


@router.get("/order/certificate")
async def list_orders(request: Request, tx: Tx, who: Who) -> JSONResponse:
    who.require(*actions.READERS)
    plain = ("container_id", "account_id", "status", "search")
    listing = parse_listing(request.query_params.multi_items(), queries.FILTERS, queries.SORT_COLUMNS, plain)
    rows, total = await queries.listed(tx, who, listing)
    orders = [shapes.listed(row, who.is_operator, now().date()) for row in rows]
    return JSONResponse(
        {
            "orders": [order.model_dump(mode="json", exclude_none=True) for order in orders],
            "page": {"total": total, "limit": listing.limit, "offset": listing.offset},
        }
    )


@router.get("/order/certificate/{number}", response_model=shapes.OrderInfo, response_model_exclude_none=True)
async def show_order(
    number: Annotated[str, Path(max_length=100)], tx: Tx, who: Who, include_caa_status: bool = False
) -> shapes.OrderInfo:
    """By order id, or by thumbprint or serial of its certificate."""
    who.require(*actions.READERS)
    row = await queries.order_row(tx, who, number)
    if row is None:
        raise actions.no_order(number)
    requests = await queries.requests_of(tx, row.order.id)
    notes, user = await queries.notes_of(tx, row.order.id), await queries.user(tx, row.order.user_id)
    values, organization = await queries.custom_values_of(tx, row.order.id), row.order.organization
    contacts = await queries.contacts_of(tx, organization.id) if organization else ()
    told = shapes.info(row, requests, notes, values, user, contacts, who.is_operator, now().date())
    told.caa_status_message = shapes.caa_status(row.request) if include_caa_status else None
    return told


@router.put("/order/certificate/{order_id}/status", status_code=204)
async def change_status(order_id: OrderNumber, body: StatusBody, tx: Tx, who: Who) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    if body.wished != "canceled":
        raise Rejected(f'An order\'s status can be set to "canceled" only, not to "{body.status[:40]}".')
    actions.cancel_order(tx, order, who.name, body.note or "", now())
    return Response(status_code=204)
