from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.db import Database
from shared.rates import windows
from shared.settings import BaseSettings
from shared.web import errors
from shared.web.caller import csrf_token
from shared.web.pages import TEMPLATES, Look
from shared.web.timing import Answered, Timing


def make_app(
    name: str,
    db: Database,
    settings: BaseSettings,
    routers: list[APIRouter],
    templates: Path | None,
    answered: Answered,
    larger: Mapping[str, int] | None = None,
) -> FastAPI:
    """`larger`: paths that take a larger body than others, and of how many bytes."""
    app = FastAPI(
        title=f"Issuary {name}", version="2", docs_url=None, redoc_url=None, openapi_url=f"/{name}/openapi.json",
        redirect_slashes=False,
    )  # fmt: skip
    app.state.db, app.state.settings, app.state.name = db, settings, name
    app.state.rates = windows(settings.rate_limits)
    app.state.look = Look(name, templates, csrf_token, settings.env == "dev")
    errors.install(app)
    # before the service's own routes: /orders/static is no order
    app.mount(f"/{name}/static", StaticFiles(directory=TEMPLATES / "static"))
    for router in routers:
        app.include_router(router)
    app.add_middleware(Limits, max_bytes=settings.max_body_bytes, larger=larger)
    app.add_middleware(Timing, answered=answered)
    return app


class Limits:
    """Security headers on every answer, and no body beyond the limit, whatever its declared length."""

    def __init__(self, app: ASGIApp, max_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self.app, self.max_bytes, self.larger = app, max_bytes, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        sent = _with_headers(send)
        most = self.larger.get(scope["path"], self.max_bytes)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > most:
            return await self._refuse(scope, receive, sent, most)
        return await self._measured(scope, receive, sent, most)

    async def _measured(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        """Reads the body before the application does, so that one too large is refused before anything is begun."""
        if scope["method"] in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > most:
                return await self._refuse(scope, receive, send, most)
        return await self.app(scope, _replayed(b"".join(parts), receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        text = f"The request is larger than {most} bytes; send less, for example fewer names in one request."
        await JSONResponse(errors.body("request_too_large", text), 413)(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Message:
        return waiting.pop() if waiting else await receive()

    return once_more


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}  # a page may be stricter than all are
            message["headers"] = [*message["headers"], *(one for one in errors.HEADERS if one[0] not in own)]
        await send(message)

    return sent
