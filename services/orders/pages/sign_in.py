import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.rules.passwords import is_password
from shared.web import CsrfChecked, database, end_session, now, page, start_session

router = APIRouter(include_in_schema=False)
HOME = "/orders"
WRONG = "E-mail address and password do not match. Check both and try again."
LOCKED = "Too many wrong passwords. Wait five minutes and try again."


@router.get("/")
async def home() -> Response:
    return RedirectResponse(HOME, 303)


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = HOME) -> Response:
    return page(request, "sign_in.html", next=_own_path(next), email="", error="")


@router.post("/sign-in", dependencies=[CsrfChecked])
async def sign_in(
    request: Request,
    email: Annotated[str, Form(max_length=255)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form()] = HOME,
) -> Response:
    user_id, error = await _check(request, email, password)
    if error or user_id is None:
        return page(request, "sign_in.html", 400, next=_own_path(next), email=email, error=error)
    answer = RedirectResponse(_own_path(next), 303)
    start_session(request, answer, user_id)
    return answer


async def _check(request: Request, email: str, password: str) -> tuple[int | None, str]:
    """Hashing takes its tens of milliseconds in a thread, with no transaction open."""
    db, at = database(request), now()
    async with db.transaction() as tx:
        user = await queries.user_by_email(tx, email)
    if user and user.is_locked(at):
        return None, LOCKED
    right = await asyncio.to_thread(is_password, user.password_hash if user else None, password)
    if user is None:
        return None, WRONG
    async with db.transaction() as tx:
        await (actions.note_sign_in if right else actions.note_failed_sign_in)(tx, user.id, at)
    return (user.id, "") if right else (None, WRONG)


@router.post("/sign-out", dependencies=[CsrfChecked])
async def sign_out() -> Response:
    answer = RedirectResponse("/sign-in", 303)
    end_session(answer)
    return answer


def _own_path(path: str) -> str:
    """Only ever to a page of our own: "//other.example" and "/\\other.example" lead elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else HOME
