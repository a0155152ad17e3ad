"""What the link of a mail opens, for whoever got it: a page that changes nothing, and its button, which does (EM6).

Scanners of mail open links; so a look, however often, is no confirmation."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from services.validation.actions.confirming import Confirmer, confirm, require_usable
from services.validation.models import DcvMail
from services.validation.queries.mails import account_name, mail_with
from services.validation.rules.contacts import source_of
from shared import rates
from shared.errors import DomainError, TooMany
from shared.web import CsrfChecked, Tx, database, now, page

router = APIRouter(prefix="/dcv/confirm", include_in_schema=False)
Value = Annotated[str, Path(min_length=1, max_length=64)]
# From one network address, behind which many people may be.
LOOKS, CONFIRMATIONS = ((100, 300),), ((30, 300),)
# The address of the page is the secret: it is told to no other site, and kept by no cache.
PRIVATE = {"referrer-policy": "no-referrer", "cache-control": "no-store", "x-robots-tag": "noindex, nofollow"}


@router.get("/{value}")
async def ask(request: Request, value: Value) -> Response:
    try:
        await _count(request, "looked at", LOOKS)
        async with database(request).transaction() as tx:
            mail = require_usable(request.app.state.policy, await mail_with(tx, value), now())
            return await _page(request, tx, mail, value)
    except DomainError as refused:
        return _refusal(request, refused)


@router.post("", dependencies=[CsrfChecked])
async def confirmed(request: Request, value: Annotated[str, Form(max_length=64)] = "") -> Response:
    """Whoever has the value may do this, signed in or not."""
    who = Confirmer(request.client.host if request.client else "", request.headers.get("user-agent", ""))
    try:
        await _count(request, "confirmed", CONFIRMATIONS)
        async with database(request).transaction() as tx:
            await confirm(tx, request.app.state.policy, value, who, now())
    except DomainError as refused:
        return _refusal(request, refused)
    return RedirectResponse(f"/dcv/confirm/{value}", 303, headers=PRIVATE)


async def _count(request: Request, what: str, limits: rates.Windows) -> None:
    """In a transaction of its own, for what is refused afterwards counts too."""
    if request.client:
        async with database(request).transaction() as tx:
            await rates.count(tx, f"dcv {what}/{request.client.host}", limits, f"links {what} from here", now())


async def _page(request: Request, tx: Tx, mail: DcvMail, value: str) -> Response:
    account = await account_name(tx, mail.account_id)
    return _said(
        request, 200, mail=mail, value=value, account=account, source=source_of(mail.section, mail.adn), refused=""
    )


def _refusal(request: Request, refused: DomainError) -> Response:
    answer = _said(request, refused.status, mail=None, value="", account="", source="", refused=refused.message)
    if isinstance(refused, TooMany):
        answer.headers["retry-after"] = str(refused.retry_after)
    return answer


def _said(request: Request, status: int, **context: Any) -> Response:
    answer = page(request, "mail_confirm.html", status, **context)
    answer.headers.update(PRIVATE)
    return answer
