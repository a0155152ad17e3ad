"""A certificate in the answer, where everything it needs is there already (contract 4.1)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.encoders import jsonable_encoder
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse

from services.orders import queries
from services.orders.models import OrderRequest
from services.orders.queries import Handed
from services.orders.rules.reading import read_pem
from shared.db import Database
from shared.web import Once, database, now

LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Asked:
    """What an action made of a wish; `body` is the answer without a certificate."""

    request: OrderRequest
    body: dict[str, Any]


class AtOnce:
    """The transaction of the request is over before anything is waited for."""

    def __init__(self, request: Request, once: Once) -> None:
        self._db, self._once = database(request), once
        self._within: float = request.app.state.settings.answer_within
        self._traceparent = request.headers.get("traceparent")

    async def __call__(self, ask: Callable[[AsyncSession], Awaitable[Asked]]) -> JSONResponse:
        waits_for: list[int] = []

        async def answer() -> dict[str, Any]:
            asked = await ask(tx)
            if await _is_soon(tx, asked.request):
                waits_for.append(asked.request.id)
            return asked.body

        async with self._db.transaction() as tx:
            tx.info["traceparent"] = self._traceparent
            given = await self._once(tx, 201, answer)
        handed = await issued_within(self._db, waits_for[0], self._within) if waits_for else None
        return with_certificate(given, handed) if handed else given


def with_certificate(given: JSONResponse, handed: Handed) -> JSONResponse:
    certificate = handed.certificate
    pems = (certificate.pem, certificate.intermediate_pem, certificate.root_pem)
    chain = [{"subject_common_name": read_pem(pem).common_name, "pem": pem} for pem in pems]
    more = {"certificate_id": certificate.id, "certificate_chain": chain, "order_valid_till": handed.order_valid_till}
    return JSONResponse(jsonable_encoder(json.loads(bytes(given.body)) | more), given.status_code)


async def _is_soon(tx: AsyncSession, request: OrderRequest) -> bool:
    domains = [name.domain for name in request.names]
    return request.status == "approved" and await queries.look_proven(tx, request.account_id, domains, now())


async def issued_within(db: Database, request_id: int, seconds: float) -> Handed | None:
    until = monotonic() + seconds
    while monotonic() < until:
        await asyncio.sleep(LOOK_EVERY)
        async with db.transaction() as tx:
            if handed := await queries.certificate_of_request(tx, request_id):
                return handed
    return None


AnswersAtOnce = Annotated[AtOnce, Depends()]
