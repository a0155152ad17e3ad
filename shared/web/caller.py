"""API key in `X-DC-DEVKEY`, or a signed session cookie; never one for the other's purpose without a CSRF token."""

import hashlib
import hmac
from typing import Annotated, Any

from fastapi import Depends, Form, Header, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.responses import Response

from shared.access import Caller, find_by_key_in_time, find_user, same_key, service_caller
from shared.errors import Denied
from shared.web.errors import SignInFirst
from shared.web.restricted import require_key_for
from shared.web.transaction import database, now

COOKIE = "issuary_session"
SESSION_SECONDS = 12 * 3600
NO_CALLER = "A valid API key is needed in the header X-DC-DEVKEY; this one is missing, unknown or revoked."


def _signer(request: Request) -> URLSafeTimedSerializer:
    secret: str = request.app.state.settings.session_secret.get_secret_value()
    if not secret:
        raise Denied("Signing in is switched off here: no session secret is set (ISSUARY_SESSION_SECRET).")
    return URLSafeTimedSerializer(secret, salt="session")


def start_session(request: Request, response: Response, user_id: int, session: int = 1) -> None:
    """`session` as the user has it now: whatever ends sessions raises that number."""
    secure = not request.app.state.settings.base_url.startswith("http://")
    cookie = _signer(request).dumps({"user": user_id, "session": session})
    response.set_cookie(COOKIE, cookie, SESSION_SECONDS, httponly=True, samesite="lax", secure=secure, path="/")


def end_session(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")


async def session_caller(request: Request) -> Caller | None:
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    try:
        told: Any = _signer(request).loads(cookie, max_age=SESSION_SECONDS)
    except BadSignature:
        return None
    async with database(request).transaction() as tx:
        found = await find_user(tx, told["user"])
    return found if found and told.get("session", 1) >= found.session else None


async def caller(request: Request, x_dc_devkey: Annotated[str | None, Header()] = None) -> Caller:
    found = await _by_key(request, x_dc_devkey) if x_dc_devkey else await _by_session(request)
    if found is None:
        raise Denied(NO_CALLER)
    require_key_for(found.key_role, request.method, request.scope["path"])
    request.state.caller = found
    return found


async def _by_key(request: Request, key: str) -> Caller | None:
    service_key: str = request.app.state.settings.service_key.get_secret_value()
    if service_key and same_key(key, service_key):
        return service_caller()
    async with database(request).transaction() as tx:
        return await find_by_key_in_time(tx, key, request.app.state.rates, now())


async def _by_session(request: Request) -> Caller | None:
    """A browser's cookie may read the API (downloads on pages); changing things takes a form with its token."""
    return await session_caller(request) if request.method == "GET" else None


async def page_user(request: Request) -> Caller:
    found = await session_caller(request)
    if found is None:
        raise SignInFirst
    request.state.caller = found
    return found


async def page_operator(user: Annotated[Caller, Depends(page_user)]) -> Caller:
    _staff(user)
    return user


async def operator(who: Annotated[Caller, Depends(caller)]) -> Caller:
    _staff(who)
    return who


def _staff(who: Caller) -> None:
    if not who.is_operator:
        raise Denied("This is for the staff of the certificate authority; your account's own pages are in the menu.")


def csrf_token(request: Request) -> str:
    """Bound to this session's cookie, so that no other site can know it."""
    secret: str = request.app.state.settings.session_secret.get_secret_value()
    cookie = request.cookies.get(COOKIE, "")
    return hmac.new(f"csrf:{secret}".encode(), cookie.encode(), hashlib.sha256).hexdigest()


async def check_csrf(request: Request, csrf: Annotated[str, Form()] = "") -> None:
    """Without a session the token is the same for all, so a sign-in asked for by another site is told by its header."""
    elsewhere = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    if elsewhere or not hmac.compare_digest(csrf, csrf_token(request)):
        raise Denied("This form is out of date; go back, load the page again and send it once more.")


Who = Annotated[Caller, Depends(caller)]
PageUser = Annotated[Caller, Depends(page_user)]
CsrfChecked = Depends(check_csrf)
