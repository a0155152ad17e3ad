"""What a service is asked from outside: does it live, is it ready, what does it count, what does it hear and say."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.asyncapi import document
from shared.service.scrape import scrape


def health(name: str) -> APIRouter:
    router = APIRouter(prefix=f"/{name}", include_in_schema=False)

    @router.get("/health/live")
    async def live(request: Request) -> JSONResponse:
        return healthy(_service(request).live())

    @router.get("/health/ready")
    async def ready(request: Request) -> JSONResponse:
        service = _service(request)
        return healthy(await service.ready(), service.warnings())

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        return Response(await scrape(_service(request)), media_type="text/plain; version=0.0.4")

    @router.get("/asyncapi.json")
    async def asyncapi(request: Request) -> JSONResponse:
        service = _service(request)
        return JSONResponse(document(service.name, service.door.door.heard))

    return router


def _service(request: Request) -> Any:
    return request.app.state.service


def healthy(faults: list[str], warnings: Sequence[str] = ()) -> JSONResponse:
    if faults:
        return JSONResponse({"status": "unavailable", "reasons": faults}, 503)
    return JSONResponse({"status": "ok", **({"warnings": list(warnings)} if warnings else {})})
