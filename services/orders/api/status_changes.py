from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from services.orders import actions, queries
from services.orders.models import Certificate, CertificateOrder
from shared.listing import parse_listing
from shared.web import Tx, Who, now

router = APIRouter(prefix="/services/v2/order/certificate/status-changes")


@router.get("")
async def status_changes(request: Request, tx: Tx, who: Who) -> JSONResponse:
    """In the order of the changes, for those who keep a copy; any span of time (contract 4.3)."""
    who.require(*actions.READERS)
    parameters = request.query_params.multi_items()
    listing = parse_listing(parameters, queries.STATUS_CHANGE_FILTERS, (), ("container_id",))
    found, total = await queries.status_changes(tx, who, listing)
    return JSONResponse(
        {
            "orders": [_change(order, certificate, now().date()) for order, certificate in found],
            "page": {"total": total, "limit": listing.limit, "offset": listing.offset},
        }
    )


def _change(order: CertificateOrder, certificate: Certificate | None, today: date) -> dict[str, Any]:
    found = {"order_id": order.id, "status": queries.status_on(order, certificate, today)}
    return found | ({"certificate_id": certificate.id} if certificate else {})
