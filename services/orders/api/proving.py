"""Proof of an order's names: look now, another method (contract 4.9)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.orders import actions, queries
from services.orders.api.at_once import LOOK_EVERY
from services.orders.api.bodies import DcvCheckBody, DcvMethodBody, OrderNumber, ResendEmailsBody
from services.orders.models import RequestName
from shared.db import Database
from shared.web import Tx, Who, database, now

router = APIRouter(prefix="/services/v2/order/certificate/{order_id}")


class NameValidation(BaseModel):
    dns_name: str
    status: Literal["approved", "pending"]


class DcvStatus(BaseModel):
    order_status: str
    certificate_id: int | None
    dcv_status: Literal["valid", "pending"]
    dns_name_validations: list[NameValidation]


class RandomValue(BaseModel):
    dcv_random_value: str | None


@router.put("/check-dcv", response_model_exclude_none=True)
async def check_dcv(order_id: OrderNumber, request: Request, who: Who, body: DcvCheckBody | None = None) -> DcvStatus:
    """The answer waits a moment for what the look finds."""
    db: Database = database(request)
    names = body.dns_names_validations if body else ()
    async with db.transaction() as tx:
        order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
        asked = actions.ask_for_check(tx, order, names, who.name, now())
        looked_at = [name.name for name in asked]
    until = monotonic() + request.app.state.settings.answer_within
    while True:
        async with db.transaction() as tx:
            status = await _status(tx, who, order_id, looked_at)
        if status.dcv_status == "valid" or monotonic() >= until:
            return status
        await asyncio.sleep(LOOK_EVERY)


@router.put("/dcv-method")
async def change_dcv_method(order_id: OrderNumber, body: DcvMethodBody, tx: Tx, who: Who) -> RandomValue:
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    request = actions.change_dcv_method(tx, order, body.dcv_method, who.name, now())
    return RandomValue(dcv_random_value=request.dcv_random_value)


@router.put("/dcv-random-value")
async def new_random_value(order_id: OrderNumber, tx: Tx, who: Who) -> RandomValue:
    """The one before is dead at once."""
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    request = actions.replace_random_value(tx, order, who.name, now())
    return RandomValue(dcv_random_value=request.dcv_random_value)


@router.put("/resend-emails", status_code=204, response_class=Response)
async def resend_emails(order_id: OrderNumber, tx: Tx, who: Who, body: ResendEmailsBody | None = None) -> None:
    """The same mails to the same addresses; how often is validation's to say."""
    order = await actions.order_to_change(tx, who, order_id, actions.CANCELLERS)
    actions.resend_emails(tx, order, body.wishes() if body else (), who.name, now())


async def _status(tx: AsyncSession, who: Who, order_id: int, names: Sequence[str]) -> DcvStatus:
    row = await queries.order_row(tx, who, str(order_id))
    if row is None:
        raise actions.no_order(order_id)
    reissue = await queries.request(tx, row.order.reissue_id) if row.order.reissue_id else None
    wish = reissue or row.request
    wanted = [name for name in wish.names if not names or name.name in names]
    found = [_validation(name, wish.issued_at, now()) for name in wanted]
    return DcvStatus(
        order_status=row.status(now().date()),
        certificate_id=row.order.certificate_id,
        dcv_status="valid" if all(each.status == "approved" for each in found) else "pending",
        dns_name_validations=found,
    )


def _validation(name: RequestName, issued_at: datetime | None, at: datetime) -> NameValidation:
    return NameValidation(dns_name=name.name, status="approved" if issued_at or name.is_proven(at) else "pending")
