"""One's own password, and the one-time link by which a new one is set."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.models import AppUser
from services.orders.rules import people
from services.orders.rules.passwords import is_password, password_hash
from shared import rates
from shared.errors import DomainError, Rejected
from shared.web import CsrfChecked, PageUser, Tx, database, now, page, start_session

router = APIRouter(prefix="/account", include_in_schema=False)
Secret = Annotated[str, Form(max_length=2000)]
GUESSES = ((10, 300),)


@router.get("/password")
async def own(request: Request, who: PageUser) -> Response:
    return page(request, "own_password.html", error="")


@router.post("/password", dependencies=[CsrfChecked])
async def change_own(
    request: Request, who: PageUser, current: Secret = "", password: Secret = "", again: Secret = ""
) -> Response:
    """The session goes on under its new number; all others of this user end."""
    try:
        user = await _change(request, who.user_id, current, password, again)
    except DomainError as refused:
        return page(request, "own_password.html", refused.status, error=refused.message)
    done = RedirectResponse("/account?done=password" if user.account_id else "/orders", 303)
    start_session(request, done, user.id, user.session)
    return done


async def _change(request: Request, user_id: int, current: str, password: str, again: str) -> AppUser:
    """Hashing takes its tens of milliseconds in a thread, with no transaction open."""
    db = database(request)
    async with db.transaction() as tx:
        await rates.count(tx, f"password/{user_id}", GUESSES, "tries", now())
        user = await queries.user(tx, user_id)
    if user is None or not await asyncio.to_thread(is_password, user.password_hash, current):
        raise Rejected("The current password is not right; type the one you signed in with.")
    people.new_password(password, again, user.email)
    hashed = await asyncio.to_thread(password_hash, password)
    async with db.transaction() as tx:
        return await actions.set_own_password(tx, user_id, hashed, now())


@router.get("/new-password")
async def by_link(request: Request, tx: Tx, token: str = "") -> Response:
    """Looking changes nothing: mail scanners open links too."""
    try:
        user = await actions.user_of_link(tx, token, now())
    except DomainError as refused:
        return page(request, "new_password.html", refused.status, user=None, token="", error=refused.message)
    return page(request, "new_password.html", user=user, token=token, error="")


@router.post("/new-password", dependencies=[CsrfChecked])
async def set_by_link(request: Request, token: Secret = "", password: Secret = "", again: Secret = "") -> Response:
    db, user = database(request), None
    try:
        async with db.transaction() as tx:
            user = await actions.user_of_link(tx, token, now())
        people.new_password(password, again, user.email)
        hashed = await asyncio.to_thread(password_hash, password)
        async with db.transaction() as tx:
            await actions.take_password_link(tx, token, hashed, now())
    except DomainError as refused:
        kept = token if user else ""
        return page(request, "new_password.html", refused.status, user=user, token=kept, error=refused.message)
    return RedirectResponse("/sign-in?done=password", 303)
