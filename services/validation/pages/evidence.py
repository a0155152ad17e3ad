"""The evidence as a person reads it: names, how each was proven, every query and hop, perspectives, CAA (EV9)."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.validation.queries.dossiers import Dossier, certificate_seen_by, order_seen_by
from services.validation.queries.exporting import exported
from services.validation.rules.caa import LABELS
from shared.events.base import OrderRef
from shared.events.orders import SOURCE
from shared.web import PageUser, Tx, page

router = APIRouter(prefix="/domains/evidence", include_in_schema=False)

OrderId = Annotated[int, Path(ge=1, lt=2**31)]
Serial = Annotated[str, Path(min_length=1, max_length=80)]
Source = Annotated[str, Query(min_length=1, max_length=255)]


@router.get("/order/{order_id}")
async def of_order(request: Request, tx: Tx, caller: PageUser, order_id: OrderId, source: Source = SOURCE) -> Response:
    return _page(request, await order_seen_by(tx, caller, OrderRef(source=source, id=order_id)), "")


@router.get("/certificate/{serial_number}")
async def of_certificate(
    request: Request, tx: Tx, caller: PageUser, serial_number: Serial, source: Source = SOURCE
) -> Response:
    return _page(request, await certificate_seen_by(tx, caller, source, serial_number), serial_number)


def _page(request: Request, dossier: Dossier, serial_number: str) -> Response:
    asked = f"certificate/{serial_number}" if serial_number else f"order/{dossier.order.id}"
    source = "" if dossier.order.source == SOURCE else f"?source={dossier.order.source}"
    return page(
        request, "evidence.html", told=exported(dossier), serial_number=serial_number, every_method=len(LABELS),
        ours=dossier.order.source == SOURCE, as_json=f"/services/v2/domain/evidence/{asked}{source}",
    )  # fmt: skip
