"""Reissues and duplicates of an order, and the requests that wait to be decided (contract 4.5, 4.8)."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api import request_shapes
from services.orders.api.at_once import AnswersAtOnce, Asked
from services.orders.api.bodies import AutoReissueBody, OrderNumber, ReissueBody, RequestNumber, StatusBody
from services.orders.models import DUPLICATE, REISSUE, OrderRequest
from shared.errors import Rejected
from shared.listing import parse_listing
from shared.web import Tx, Who, now

router = APIRouter(prefix="/services/v2")
ORDER = "/order/certificate/{order_id}"


@router.post(f"{ORDER}/reissue", status_code=201)
async def reissue(order_id: OrderNumber, body: ReissueBody, who: Who, at_once: AnswersAtOnce) -> JSONResponse:
    async def asked(tx: AsyncSession) -> Asked:
        order = await actions.order_to_change(tx, who, order_id, actions.PLACERS)
        return _asked(await actions.reissue_order(tx, order, body.wish(), actions.placer(who), now()))

    return await at_once(asked)


@router.post(f"{ORDER}/duplicate", status_code=201)
async def duplicate(order_id: OrderNumber, body: ReissueBody, who: Who, at_once: AnswersAtOnce) -> JSONResponse:
    async def asked(tx: AsyncSession) -> Asked:
        order = await actions.order_to_change(tx, who, order_id, actions.PLACERS)
        return _asked(await actions.duplicate_order(tx, order, body.wish(), actions.placer(who), now()))

    return await at_once(asked)


def _asked(request: OrderRequest) -> Asked:
    answer: dict[str, Any] = {
        "id": request.order_id,
        "requests": [{"id": request.id, "status": request.status}],
        "dcv_random_value": request.dcv_random_value,
    }
    if request.names_added:
        answer["names_added"] = request.names_added
    return Asked(request, answer)


@router.get(f"{ORDER}/reissue")
async def reissues(order_id: OrderNumber, tx: Tx, who: Who) -> JSONResponse:
    return await _certificates(tx, who, order_id, REISSUE)


@router.get(f"{ORDER}/duplicate")
async def duplicates(order_id: OrderNumber, tx: Tx, who: Who) -> JSONResponse:
    return await _certificates(tx, who, order_id, DUPLICATE)


async def _certificates(tx: Tx, who: Who, order_id: int, kind: str) -> JSONResponse:
    who.require(*actions.READERS)
    if await queries.order_row(tx, who, str(order_id)) is None:
        raise actions.no_order(order_id)
    found = await queries.certificates_by(tx, order_id, kind)
    shown = [request_shapes.issued(each, position, now().date()) for position, each in enumerate(found, 1)]
    return JSONResponse({"certificates": [each.model_dump(mode="json", exclude_none=True) for each in shown]})


@router.put(f"{ORDER}/auto-reissue", status_code=204)
async def auto_reissue(order_id: OrderNumber, body: AutoReissueBody, tx: Tx, who: Who) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.PLACERS)
    await actions.set_auto_reissue(tx, order, body.auto_reissue, now())
    return Response(status_code=204)


@router.get("/request")
async def list_requests(request: Request, tx: Tx, who: Who) -> JSONResponse:
    who.require(*actions.READERS)
    parameters = request.query_params.multi_items()
    plain = ("account_id", "container_id", "status")
    listing = parse_listing(parameters, queries.REQUEST_FILTERS, queries.REQUEST_SORT_COLUMNS, plain)
    rows, total = await queries.requests_listed(tx, who, listing)
    shown = [request_shapes.listed(row, who.is_operator) for row in rows]
    # The vendor's list says 0 where no limit was asked for (contract 2.6).
    limit = listing.limit if request.query_params.get("limit") else 0
    return JSONResponse(
        {
            "requests": [each.model_dump(mode="json", exclude_none=True) for each in shown],
            "page": {"total": total, "limit": limit, "offset": listing.offset},
        }
    )


@router.get("/request/{request_id}", response_model_exclude_none=True)
async def show_request(request_id: RequestNumber, tx: Tx, who: Who) -> request_shapes.RequestInfo:
    who.require(*actions.READERS)
    row = await queries.request_shown(tx, who, request_id)
    if row is None:
        raise actions.no_request(request_id)
    return request_shapes.info(row, await queries.user(tx, row.request.processor_id), who.is_operator)


@router.put("/request/{request_id}/status", status_code=204)
async def decide_request(request_id: RequestNumber, body: StatusBody, tx: Tx, who: Who) -> Response:
    request = await actions.request_to_decide(tx, who, request_id)
    decider = actions.Decider(who.name, who.user_id, body.processor_comment)
    if body.wished == "approved":
        await actions.approve_request(tx, request, decider, now())
    elif body.wished == "rejected":
        actions.reject_request(tx, request, decider, body.reason, now())
    else:
        raise Rejected(f'A request\'s status can be set to "approved" or "rejected", not to "{body.status[:40]}".')
    return Response(status_code=204)
