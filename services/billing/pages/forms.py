"""What forms have in common; one that moves money at once counts once, however often its button is pressed."""

import json
from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Division
from services.billing.queries import balance, finance
from services.billing.rules import is_number
from shared.access import Caller
from shared.idempotency import Answer, earlier_answer, hash_input, keep_answer


async def once_by_form(
    tx: AsyncSession, caller: Caller, key: str, form: Mapping[str, object], act: Callable[[], Awaitable[str]]
) -> str:
    """`key`: drawn when the form was shown; what was changed in it since is another wish. `act` says where to go on;
    of a second one it is not asked again."""
    if not key:
        return await act()
    told = hash_input(key, json.dumps(dict(form), sort_keys=True, default=str))
    scope = f"form/{caller.account_id}/{caller.user_id}"
    earlier = await earlier_answer(tx, scope, told, told)
    if earlier:
        return str(earlier.body)
    where = await act()
    await keep_answer(tx, scope, told, Answer(303, where))
    return where


async def division_to_fund(tx: AsyncSession, caller: Caller, chosen: str) -> Division:
    """Of which the caller may ask for funds; the top-level one where none was chosen."""
    division = await balance.visible_division(tx, caller, int(chosen) if is_number(chosen) else None)
    finance.require_finance_of(caller, division.account_id, division.id)
    return division


async def words_of(request: Request) -> dict[str, str]:
    return {name: str(value).strip() for name, value in (await request.form()).items() if name != "csrf"}
