from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api import shapes
from services.orders.api.bodies import OrderBody, OrderNumber, RequestNumber, StatusBody
from services.orders.rules.products import product
from shared.errors import NotFound, Rejected
from shared.listing import parse_listing
from shared.web import Once, Tx, Who, now

router = APIRouter(prefix="/services/v2")


@router.post("/order/certificate/{product_name_id}", status_code=201)
async def place_order(product_name_id: str, body: OrderBody, tx: Tx, who: Who, once: Once) -> JSONResponse:
    async def placed() -> dict[str, Any]:
        division = await actions.division_to_order_for(tx, who, body.container.id)
        order, request_id = await actions.place_order(
            tx, body.wish(product(product_name_id).name_id), division, actions.placer(who), now()
        )
        return {
            "id": order.id,
            "requests": [{"id": request_id, "status": order.request_status}],
            "dcv_random_value": order.dcv_random_value,
        }

    return await once(tx, 201, placed)


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
async def show_order(number: Annotated[str, Path(max_length=100)], tx: Tx, who: Who) -> shapes.OrderInfo:
    """By order id, or by thumbprint or serial of its certificate."""
    who.require(*actions.READERS)
    row = await queries.order_row(tx, who, number)
    if row is None:
        raise actions.no_order(number)
    request = await queries.request_of(tx, row.order.id)
    user = await queries.user(tx, row.order.user_id)
    return shapes.info(row, request, user, who.is_operator, now().date())


@router.put("/order/certificate/{order_id}/status", status_code=204)
async def change_status(order_id: OrderNumber, body: StatusBody, tx: Tx, who: Who) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    if body.wished != "canceled":
        raise Rejected(f'An order\'s status can be set to "canceled" only, not to "{body.status[:40]}".')
    actions.cancel_order(tx, order, who.name, body.note or "", now())
    return Response(status_code=204)


@router.put("/request/{request_id}/status", status_code=204)
async def decide_request(request_id: RequestNumber, body: StatusBody, tx: Tx, who: Who) -> Response:
    order_id = await queries.order_of_request(tx, request_id)
    if order_id is None:
        raise NotFound(f"There is no request {request_id} in this account.", "not_found|request")
    order = await actions.order_to_change(tx, who, order_id, actions.APPROVERS)
    if body.wished == "approved":
        actions.approve_order(tx, order, who.name, now())
    elif body.wished == "rejected":
        actions.reject_order(tx, order, who.name, body.reason, now())
    else:
        raise Rejected(f'A request\'s status can be set to "approved" or "rejected", not to "{body.status[:40]}".')
    return Response(status_code=204)
