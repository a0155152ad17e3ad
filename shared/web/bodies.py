"""What comes in: tolerant bodies, and creating requests that may be repeated."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse

from shared.idempotency import Answer, earlier_answer, hash_input, keep_answer
from shared.web.caller import Who

ABSENT: tuple[Any, ...] = (None, "", [], "0001-01-01T00:00:00Z")


class Body(BaseModel):
    """Unknown fields are ignored; null, empty text and empty lists mean that a field is absent (contract T1, T6)."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def without_absent(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if value not in ABSENT}
        return values


class Repeatable:
    """`return await once(tx, 201, lambda: …)`: with an `Idempotency-Key` the first answer is given again."""

    def __init__(self, request: Request, caller: Who, idempotency_key: Annotated[str | None, Header()] = None) -> None:
        self._request, self._caller, self._key = request, caller, idempotency_key

    async def __call__(
        self, tx: AsyncSession, status: int, create: Callable[[], Awaitable[Any]], content: Any = None,
        told_once: tuple[str, ...] = (),
    ) -> JSONResponse:  # fmt: skip
        """`content`: what a body that is no JSON stands for, its hash for example; `told_once`: secrets, which are kept
        nowhere and so are in the first answer alone."""
        if self._key is None:
            return JSONResponse(jsonable_encoder(await create(), exclude_none=True), status)
        scope = f"{self._caller.account_id}/{self._caller.credential_id}"
        if content is None:
            content = await self._request.json() if await self._request.body() else None
        earlier = await earlier_answer(tx, scope, self._key, hash_input(self._request.scope["path"], content))
        if earlier is None:
            body = jsonable_encoder(await create(), exclude_none=True)
            kept = {name: value for name, value in body.items() if name not in told_once} if told_once else body
            await keep_answer(tx, scope, self._key, Answer(status, kept))
            earlier = Answer(status, body)
        return JSONResponse(earlier.body, earlier.status)


Once = Annotated[Repeatable, Depends()]
