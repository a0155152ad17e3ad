"""Money on the wire stays text from end to end."""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from starlette.responses import Response

AmountText = Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int) and not isinstance(v, bool) else v)]
OptionalId = Annotated[int | None, BeforeValidator(lambda v: None if v in ("", "0") else v)]  # contract T6


class ExactRequest(Request):
    """A number with decimals stays the text it came as: money never becomes a float (contract T4)."""

    async def json(self) -> Any:
        return json.loads(await self.body(), parse_float=str, parse_constant=str)


class ExactRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def exactly(request: Request) -> Response:
            return await handle(ExactRequest(request.scope, request.receive))

        return exactly


def finance_router() -> APIRouter:
    return APIRouter(prefix="/services/v2/finance", route_class=ExactRoute)
