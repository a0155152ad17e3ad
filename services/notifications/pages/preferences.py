"""Which mails a person wants, each for themselves."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.notifications import actions, queries
from services.notifications.rules.people import KINDS
from shared.access import Caller
from shared.errors import Denied
from shared.web import CsrfChecked, PageUser, Tx, page

router = APIRouter(prefix="/messages/preferences", include_in_schema=False)


@router.get("")
async def preferences(request: Request, caller: PageUser, tx: Tx, saved: str = "") -> Response:
    _refuse_staff(caller)
    off = await queries.muted_kinds(tx, caller.user_id)
    kinds = [{"name": kind.name, "title": kind.title, "says": kind.says, "on": kind.name not in off} for kind in KINDS]
    notice = "Saved. It counts for what happens from now on." if saved else ""
    return page(request, "preferences.html", notice=notice, kinds=kinds)


@router.post("", dependencies=[CsrfChecked])
async def save(caller: PageUser, tx: Tx, wanted: Annotated[list[str] | None, Form(max_length=50)] = None) -> Response:
    _refuse_staff(caller)
    await actions.set_preferences(tx, caller.user_id, wanted or ())
    return RedirectResponse("/messages/preferences?saved=1", 303)


def _refuse_staff(caller: Caller) -> None:
    if caller.is_operator:
        raise Denied("Mails go to the people of accounts; staff get none, so there is nothing to choose.")
