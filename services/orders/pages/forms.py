"""What the forms under /account have in common."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from pydantic import BeforeValidator
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.responses import Response

from services.orders import actions
from services.orders.models import Account
from shared.access import Caller
from shared.db import attempt
from shared.errors import DomainError, Rejected
from shared.idempotency import Answer, earlier_answer, hash_input, keep_answer
from shared.web import PageUser, Tx

PAGE = 50
Deed = Callable[[], Awaitable[Response]]
OptionalId = Annotated[int | None, BeforeValidator(lambda given: given or None)]  # a form sends "" for none


async def chosen_account(tx: Tx, who: PageUser, account_id: OptionalId = None) -> Account:
    return await actions.account_of(tx, who, account_id)


ChosenAccount = Annotated[Account, Depends(chosen_account)]


def address(path: str, who: Caller, account_id: int | None, **more: object) -> str:
    """Staff take the account they look at along; everybody else has but one."""
    asked = {"account_id": account_id if who.is_operator else None, **more}
    kept = {name: value for name, value in asked.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


async def form_of(request: Request) -> FormData:
    return await request.form()


Sent = Annotated[FormData, Depends(form_of)]


def word(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def numbers(form: FormData, name: str) -> tuple[int, ...]:
    return tuple(number(str(text)) for text in form.getlist(name))


def number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Rejected(f"{text[:40]!r} is no number; choose one of the list.")
    return int(text)


async def tried(tx: AsyncSession, deed: Deed, again: Callable[[DomainError], Awaitable[Response]]) -> Response:
    """A refusal shows the form again with its sentence; what the deed began is undone."""
    try:
        async with attempt(tx):
            return await deed()
    except DomainError as refused:
        return await again(refused)


async def is_first(tx: AsyncSession, who: Caller, what: str, key: str) -> bool:
    """`key` was drawn when the form was shown: a page that tells a secret cannot be a redirect, and when it is loaded
    again its form is sent again."""
    scope, told = f"form/{who.account_id}/{who.user_id}", hash_input(what, key)
    if await earlier_answer(tx, scope, told, told):
        return False
    await keep_answer(tx, scope, told, Answer(200, None))
    return True
