"""Every refusal of every layer has the one body `{"errors":[{"code","message"}]}`, as `application/json` exactly."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from shared.errors import DomainError
from shared.web.pages import error_page

log = logging.getLogger(__name__)

SENTENCES = {
    404: ("not_found|route", "There is nothing at this address; check the path and the method."),
    405: ("not_found|route", "This address does not take that method; check the documentation of the route."),
    413: ("request_too_large", "The request is too large."),
}


class SignInFirst(Exception):
    """A page was asked for by nobody; the answer is the sign-in page, and afterwards this one."""


def body(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


def refuse(request: Request, status: int, code: str, message: str) -> Response:
    if wants_page(request):
        return error_page(request, status, message)
    return JSONResponse(body(code, message), status)


def wants_page(request: Request) -> bool:
    path: str = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith("/services/")


def install(app: FastAPI) -> None:
    @app.exception_handler(DomainError)
    async def refused(request: Request, error: DomainError) -> Response:
        return refuse(request, error.status, error.code, error.message)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return refuse(request, 400, "bad_request_format", sentence(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        code, message = SENTENCES.get(error.status_code, ("bad_request_format", str(error.detail)))
        return refuse(request, error.status_code, code, message)

    @app.exception_handler(SignInFirst)
    async def sign_in(request: Request, error: SignInFirst) -> Response:
        return RedirectResponse(f"/sign-in?next={request.scope['path']}", 303)

    @app.exception_handler(Exception)
    async def crashed(request: Request, error: Exception) -> Response:
        log.error("a request failed", exc_info=error, extra={"path": request.url.path})
        return refuse(
            request, 500, "internal_error", "Something went wrong on our side; nothing was changed. Try again."
        )


def sentence(error: RequestValidationError) -> str:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return "The body is not JSON; send a JSON object in UTF-8."
    parts = [_fault(fault) for fault in faults[:5]]
    return f"The request is not as expected: {'; '.join(parts)}."


def _fault(fault: Any) -> str:
    place = ".".join(str(step) for step in fault["loc"] if step not in ("body", "query", "path"))
    if fault["type"] in ("model_attributes_type", "missing") and not place:
        return "send a JSON object with the content type application/json"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
