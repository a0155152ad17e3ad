import asyncio
import hashlib
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from services.orders import actions, queries
from services.orders.models import AppUser
from services.orders.rules.passwords import is_password
from shared import rates
from shared.errors import TooMany
from shared.web import CsrfChecked, database, end_session, now, page, session_caller, start_session

router = APIRouter(include_in_schema=False)
HOME = "/orders"
WRONG = "E-mail address and password do not match. Check both and try again."
LOCKED = "Too many wrong passwords. Wait five minutes and try again."
# However an address is guessed at, known here or not; and how many people may share one network address.
BY_EMAIL, BY_ADDRESS = ((10, 300),), ((100, 300),)


@router.get("/")
async def home() -> Response:
    return RedirectResponse(HOME, 303)


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = HOME, done: str = "") -> Response:
    notice = "The password is changed; sign in with the new one." if done else ""
    return page(request, "sign_in.html", next=_own_path(next), email="", error="", notice=notice)


@router.post("/sign-in", dependencies=[CsrfChecked])
async def sign_in(
    request: Request,
    email: Annotated[str, Form(max_length=255)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form()] = HOME,
) -> Response:
    try:
        user, error = await _check(request, email, password)
    except TooMany as refused:
        answer = _again(request, email, next, refused.message, refused.status)
        answer.headers["retry-after"] = str(refused.retry_after)
        return answer
    if user is None:
        return _again(request, email, next, error, 400)
    done = RedirectResponse(_own_path(next), 303)
    start_session(request, done, user.id, user.session)
    return done


def _again(request: Request, email: str, next: str, error: str, status: int) -> Response:
    return page(request, "sign_in.html", status, next=_own_path(next), email=email, error=error)


async def _check(request: Request, email: str, password: str) -> tuple[AppUser | None, str]:
    """Hashing takes its tens of milliseconds in a thread, with no transaction open."""
    db, at = database(request), now()
    async with db.transaction() as tx:
        await _count(tx, request, email)
        user = await queries.user_by_email(tx, email)
    if user and user.is_locked(at):
        return None, LOCKED
    right = await asyncio.to_thread(is_password, user.password_hash if user else None, password)
    if user is None:
        return None, WRONG
    async with db.transaction() as tx:
        await (actions.note_sign_in if right else actions.note_failed_sign_in)(tx, user.id, at)
    return (user, "") if right else (None, WRONG)


async def _count(tx: AsyncSession, request: Request, email: str) -> None:
    """Raises TooMany. Addresses are kept as hashes: most of what is typed here is nobody's business."""
    tried = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    await rates.count(tx, f"sign-in/{tried}", BY_EMAIL, "sign-ins with this address", now())
    if request.client:
        await rates.count(tx, f"sign-in/{request.client.host}", BY_ADDRESS, "sign-ins from here", now())


@router.post("/sign-out", dependencies=[CsrfChecked])
async def sign_out(request: Request) -> Response:
    """Ends every session of the user, in all services and browsers: a copied cookie is of no more use."""
    found = await session_caller(request)
    if found:
        async with database(request).transaction() as tx:
            await actions.sign_out(tx, found.user_id, now())
    answer = RedirectResponse("/sign-in", 303)
    end_session(answer)
    return answer


def _own_path(path: str) -> str:
    """Only ever to a page of our own: "//other.example" and "/\\other.example" lead elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else HOME
