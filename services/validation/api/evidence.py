"""All that a certificate relied on: what was looked at, by whom, what was seen (EV9)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from services.validation.queries.dossiers import certificate_seen_by, order_seen_by
from services.validation.queries.exporting import exported
from shared.events.base import OrderRef
from shared.events.orders import SOURCE
from shared.web import Tx, Who

router = APIRouter(prefix="/services/v2/domain/evidence")

OrderId = Annotated[int, Path(ge=1, lt=2**31)]
Serial = Annotated[str, Path(min_length=1, max_length=80)]
Source = Annotated[
    str, Query(min_length=1, max_length=255, description="What another system calls itself in its orders")
]


@router.get("/order/{order_id}")
async def evidence_of_order(tx: Tx, caller: Who, order_id: OrderId, source: Source = SOURCE) -> dict[str, Any]:
    """The latest questions whether it may be issued, and what was found for each."""
    return exported(await order_seen_by(tx, caller, OrderRef(source=source, id=order_id)))


@router.get("/certificate/{serial_number}")
async def evidence_of_certificate(
    tx: Tx, caller: Who, serial_number: Serial, source: Source = SOURCE
) -> dict[str, Any]:
    """What this certificate relied on, by its serial number in hexadecimal."""
    return exported(await certificate_seen_by(tx, caller, source, serial_number))
