"""One certificate, or all of an order, revoked (contract 4.6)."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api import request_shapes
from services.orders.api.bodies import OrderNumber, RevocationBody
from services.orders.models import Certificate, CertificateOrder
from shared.errors import NotFound
from shared.web import Tx, Who, now

router = APIRouter(prefix="/services/v2")


@router.put("/certificate/{number}/revoke", status_code=201, responses={204: {"description": "Approved at once"}})
async def revoke_certificate(
    number: Annotated[str, Path(max_length=100)], body: RevocationBody, tx: Tx, who: Who
) -> Response:
    """By its id or its serial."""
    who.require(*actions.READERS)
    found = await queries.certificate_by_number(tx, who, number)
    if found is None:
        raise NotFound(f"There is no certificate {number} in this account.", "not_found|certificate")
    order = await actions.order_to_change(tx, who, found.order_id, actions.CANCELLERS)
    return await _revoke(tx, who, order, found, body)


@router.put("/order/certificate/{order_id}/revoke", status_code=201, responses={204: {"description": "Approved"}})
async def revoke_order(order_id: OrderNumber, body: RevocationBody, tx: Tx, who: Who) -> Response:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    return await _revoke(tx, who, order, None, body)


async def _revoke(
    tx: Tx, who: Who, order: CertificateOrder, certificate: Certificate | None, body: RevocationBody
) -> Response:
    """201 with the request; 204 where an administrator skips the approval."""
    wish, by = body.wish(), replace(actions.placer(who), approves=who.role in actions.REVOKES_ALONE)
    asked = await actions.ask_revocation(tx, order, certificate, wish, by, now())
    if wish.skip_approval and by.approves:
        return Response(status_code=204)
    answer = request_shapes.revocation(asked, await queries.user(tx, who.user_id))
    return JSONResponse(answer.model_dump(mode="json", exclude_none=True), 201)
