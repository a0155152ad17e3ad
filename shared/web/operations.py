"""The operator's pages and calls that every service has: parked events, the outbox, the audit log."""

import base64
import json
from contextlib import suppress
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from shared import audit, parking
from shared.access import Caller
from shared.errors import NotFound
from shared.web.caller import CsrfChecked, page_operator
from shared.web.pages import page
from shared.web.transaction import Tx, database, now

Operator = Annotated[Caller, Depends(page_operator)]


class Again(Protocol):
    """The door's way to apply parked events again; pages know no door."""

    async def retry(self, topic: str, scope: str) -> int: ...

    async def retry_alone(self, seq: int) -> bool: ...


WAITING = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 10000) AS o) AS pending,
       coalesce(extract(epoch FROM now() - (SELECT created_at FROM outbox ORDER BY id LIMIT 1)), 0)::float
       AS oldest_seconds
"""
PAGE = 50


def operations(service: str) -> APIRouter:
    router = APIRouter(prefix=f"/{service}/operations", include_in_schema=False)
    for path, answer in (("", overview), ("/parked", parked_scope), ("/audit", audit_log)):
        router.add_api_route(path, answer, methods=["GET"])
    for path, change in (("/retry", retry_scope), ("/retry-alone", retry_alone), ("/discard", discard)):
        router.add_api_route(path, change, methods=["POST"], dependencies=[CsrfChecked])
    return router


def _again(request: Request) -> Again:
    again: Again = request.app.state.again
    return again


def _here(request: Request) -> str:
    return f"/{request.app.state.name}/operations"


AgainHere = Annotated[Again, Depends(_again)]


async def overview(request: Request, who: Operator, tx: Tx, topic: str = "", scope: str = "") -> Response:
    scopes = await parking.scopes(tx, (topic, scope), PAGE)
    lone = [_shown(row) for row in await parking.events(tx, "", None, 0, PAGE)]
    more = _next_scope(_here(request), scopes)
    return page(request, "operations.html", lone=lone, outbox=await _outbox(tx), scopes=scopes, next=more)


async def parked_scope(
    request: Request, who: Operator, tx: Tx, topic: str, scope: str, after: int = 0, error: str = ""
) -> Response:
    rows = await parking.events(tx, topic, scope, after, PAGE)
    shown = [_shown(row) for row in rows]
    return page(request, "parked_scope.html", topic=topic, scope=scope, events=shown, error=error)


async def retry_scope(
    request: Request, who: Operator, again: AgainHere, topic: Annotated[str, Form()], scope: Annotated[str, Form()]
) -> Response:
    await again.retry(topic, scope)
    return RedirectResponse(_here(request), 303)


async def retry_alone(request: Request, who: Operator, again: AgainHere, seq: Annotated[int, Form()]) -> Response:
    await again.retry_alone(seq)
    return RedirectResponse(_here(request), 303)


async def discard(
    request: Request, who: Operator, again: AgainHere, seq: Annotated[int, Form()], reason: Annotated[str, Form()] = ""
) -> Response:
    """What waited behind the discarded event is applied at once."""
    async with database(request).transaction() as tx:
        topic, scope = await parking.discard(tx, seq, reason, who.email, now())
    if scope is not None:
        with suppress(NotFound):
            await again.retry(topic, scope)
    return RedirectResponse(_here(request), 303)


async def audit_log(request: Request, who: Operator, tx: Tx, before: int | None = None) -> Response:
    rows = await audit.entries(tx, before, PAGE)
    link = f"{_here(request)}/audit?before={rows[-1].id}" if len(rows) == PAGE else None
    return page(request, "audit.html", rows=rows, next=link)


async def _outbox(tx: AsyncSession) -> Any:
    return (await tx.execute(text(WAITING))).one()


def _next_scope(here: str, scopes: list[Any]) -> str | None:
    if len(scopes) < PAGE:
        return None
    return f"{here}?{urlencode({'topic': scopes[-1].topic, 'scope': scopes[-1].scope})}"


def _shown(row: Any) -> dict[str, Any]:
    headers = [(name, _text(value)) for name, value in row.headers]
    return {
        **row._mapping,
        "type": dict(headers).get("ce_type") or _type_in(row.payload),
        "headers": headers,
        "body": _pretty(row.payload),
    }


def _text(value: str | None) -> str:
    return "none" if value is None else base64.b64decode(value).decode(errors="replace")


def _type_in(payload: bytes) -> str:
    try:
        return str(json.loads(payload)["type"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _pretty(payload: bytes) -> str:
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)[:100_000]
    except (ValueError, RecursionError):
        return payload[:100_000].decode(errors="replace")
