from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from services.notifications import actions, queries
from services.notifications.models import Message
from shared.access import Caller
from shared.errors import Rejected
from shared.web import CsrfChecked, PageUser, Tx, now, page, page_operator

router = APIRouter(include_in_schema=False)

READERS = ("administrator", "finance_manager", "manager", "operator")
PAGE = 50
State = Literal["", "sent", "failed", "retrying", "waiting"]


@router.get("/messages")
async def messages(
    request: Request,
    caller: PageUser,
    tx: Tx,
    state: State = "",
    search: Annotated[str, Query(max_length=255)] = "",
    account_id: Annotated[str, Query(max_length=12)] = "",
    before: Annotated[str, Query(max_length=100)] = "",
    sent_again: str = "",
) -> Response:
    caller.require(*READERS)
    wanted = queries.Filter(state, search.strip(), _number(account_id))
    found = await queries.messages(tx, caller, wanted, _place(before), PAGE)
    notice = "The mail is sent again; this page shows how it goes." if sent_again else ""
    return page(request, "messages.html", notice=notice, **_shown(found, wanted, before))


def _shown(found: queries.Page, wanted: queries.Filter, before: str) -> dict[str, Any]:
    filters = {"state": wanted.state, "search": wanted.search, "account_id": wanted.account_id or ""}
    asked = {name: value for name, value in filters.items() if value}
    return {
        "rows": found.rows,
        "total": found.total,
        "filters": filters,
        "first": f"/messages?{urlencode(asked)}" if before else "",
        "next": f"/messages?{urlencode({**asked, 'before': _mark(found.rows[-1])})}" if found.more else "",
    }


@router.post("/messages/{message_id}/resend", dependencies=[CsrfChecked])
async def resend(message_id: UUID, caller: Annotated[Caller, Depends(page_operator)], tx: Tx) -> Response:
    await actions.resend(tx, message_id, caller.email, now())
    return RedirectResponse("/messages?sent_again=1", 303)


def _number(text: str) -> int | None:
    if text and not text.isdecimal():
        raise Rejected("An account is looked for by its number.")
    return int(text) if text else None


def _mark(message: Message) -> str:
    return f"{message.created_at.isoformat()}/{message.id}"


def _place(mark: str) -> tuple[datetime, UUID] | None:
    if not mark:
        return None
    at, _, key = mark.partition("/")
    try:
        return datetime.fromisoformat(at).astimezone(UTC), UUID(key)
    except ValueError:
        raise Rejected("This page address is not complete; begin at the first page of the list.") from None
