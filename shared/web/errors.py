"""Every refusal of every layer has the one body `{"errors":[{"code","message"}]}`, as `application/json` exactly."""

import logging
import re
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticSerializationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from shared.db import is_own, is_transient
from shared.errors import DomainError, TooMany
from shared.web.pages import error_page

log = logging.getLogger(__name__)

NOT_JSON = "The body is not JSON; send a JSON object in UTF-8."
NOT_PARSED = "There was an error parsing the body"  # in the words of FastAPI
SENTENCES = {
    404: ("not_found|route", "There is nothing at this address; check the path and the method."),
    405: ("not_found|route", "This address does not take that method; check the documentation of the route."),
    413: ("request_too_large", "The request is too large."),
}


CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
UNSTORABLE = ("22003", "22021", "22P05")  # a number out of range, a NUL, a character PostgreSQL does not know


class SignInFirst(Exception):
    """A page was asked for by nobody; the answer is the sign-in page, and afterwards this one."""


def body(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


def refuse(request: Request, status: int, code: str, message: str) -> Response:
    message = message.encode(errors="replace").decode()  # it may quote half a character
    if wants_page(request):
        return error_page(request, status, message)
    return JSONResponse(body(code, message), status)


def come_again(request: Request) -> Response:
    answer = refuse(request, 503, "service_unavailable", UNAVAILABLE)
    answer.headers["retry-after"] = "5"
    return answer


def wants_page(request: Request) -> bool:
    path: str = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith("/services/")


def install(app: FastAPI) -> None:
    @app.exception_handler(DomainError)
    async def refused(request: Request, error: DomainError) -> Response:
        answer = refuse(request, error.status, error.code, error.message)
        if isinstance(error, TooMany):
            answer.headers["retry-after"] = str(error.retry_after)
        return answer

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        if any(fault["loc"][0] == "path" for fault in error.errors()):
            return refuse(request, 404, "not_found", NO_SUCH_ID)
        return refuse(request, 400, "bad_request_format", sentence(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        code, message = SENTENCES.get(error.status_code, ("bad_request_format", str(error.detail)))
        return refuse(request, error.status_code, code, NOT_JSON if message == NOT_PARSED else message)

    @app.exception_handler(SignInFirst)
    async def sign_in(request: Request, error: SignInFirst) -> Response:
        return RedirectResponse(f"/sign-in?next={request.scope['path']}", 303)

    _install_those_of_the_database(app)

    @app.exception_handler(Exception)
    async def crashed(request: Request, error: Exception) -> Response:
        """Answered outside of every middleware, so the headers are put on here."""
        route = getattr(request.scope.get("route"), "path", request.url.path)  # a path may hold a secret
        log.error("a request failed", exc_info=error, extra={"path": route})
        answer = refuse(request, 500, "internal_error", CRASHED)
        answer.raw_headers.extend(HEADERS)
        return answer


def _install_those_of_the_database(app: FastAPI) -> None:
    @app.exception_handler(OSError)
    @app.exception_handler(PoolTimeout)
    async def unreachable(request: Request, error: Exception) -> Response:
        if is_own(error):
            raise error
        return come_again(request)

    @app.exception_handler(asyncpg.PostgresError)
    @app.exception_handler(asyncpg.InterfaceError)
    @app.exception_handler(asyncpg.InternalClientError)
    async def not_connected(request: Request, error: Exception) -> Response:
        if not is_transient(error):
            raise error
        return come_again(request)

    @app.exception_handler(PydanticSerializationError)
    async def not_sayable(request: Request, error: PydanticSerializationError) -> Response:
        """What was sent is to go into an event, and cannot."""
        if "surrogates not allowed" not in str(error):
            raise error
        return refuse(request, 400, "bad_request_format", CANNOT_BE_STORED)

    @app.exception_handler(DBAPIError)
    async def not_storable(request: Request, error: DBAPIError) -> Response:
        if is_transient(error):
            return come_again(request)
        if not _is_unstorable(error):
            raise error
        if _is_of_the_path(request, error):
            return refuse(request, 404, "not_found", NO_SUCH_ID)
        return refuse(request, 400, "bad_request_format", CANNOT_BE_STORED)


CRASHED = "Something went wrong on our side; nothing was changed. Try again."
UNAVAILABLE = "The database of this service cannot be reached at the moment. Try again in some seconds."
NO_SUCH_ID = "There is nothing with this id; check it."
CANNOT_BE_STORED = (
    "A value cannot be stored: a number is too large, or a text contains the NUL character or half a character. "
    "Correct it and send the request again."
)


def _is_unstorable(error: DBAPIError) -> bool:
    """What a caller sent, as far as no schema caught it; our own mistakes stay crashes. The driver refuses some of it
    before PostgreSQL sees it."""
    cause = getattr(error.orig, "__cause__", None)
    refused = any(sign in str(cause) for sign in ("(value out of int", "surrogates not allowed"))
    return getattr(cause, "sqlstate", None) in UNSTORABLE or refused


def _is_of_the_path(request: Request, error: DBAPIError) -> bool:
    """An id that no row can have is one that no row has."""
    said = str(getattr(error.orig, "__cause__", None)).partition(": ")[2]  # without the number of the argument
    ids = [str(value) for value in request.path_params.values()]
    return any("\0" in text or (text.isdigit() and re.search(rf"\b{text}\b", said)) for text in ids)


def sentence(error: RequestValidationError) -> str:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return NOT_JSON
    parts = [_fault(fault) for fault in faults[:5]]
    return f"The request is not as expected: {'; '.join(parts)}."


def _fault(fault: Any) -> str:
    place = ".".join(str(step) for step in fault["loc"] if step not in ("body", "query", "path"))
    if fault["type"] in ("model_attributes_type", "missing") and not place:
        return "send a JSON object with the content type application/json"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
