"""What a person does with a domain on its page."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.validation.actions.keeping import activate_domain, deactivate_domain, delete_domain
from services.validation.actions.resending import resend_mails
from services.validation.actions.submitting import Asking, cancel_submission, renew_token, submit_domain
from services.validation.models import Domain
from services.validation.pages.domain import show
from services.validation.pages.domains import asking_of
from services.validation.queries import DomainKey
from services.validation.queries.access import visible_domain
from shared.audit import note
from shared.db import attempt
from shared.errors import DomainError, NotFound
from shared.web import CsrfChecked, PageUser, Tx, database, now, page

router = APIRouter(prefix="/domains", include_in_schema=False)
Text = Annotated[str, Form(max_length=100)]
Deed = Callable[[Tx, Asking, DomainKey], Awaitable[Any]]
DEEDS: dict[str, Deed] = {
    "token": renew_token, "cancel": cancel_submission, "activate": activate_domain, "emails": resend_mails,
}  # fmt: skip
# Asked about before, for each of them stops something.
QUESTIONS = {
    "deactivate": (
        "Deactivate", "Nothing is issued for {name} while it is deactivated, and what was proven of it serves no name "
        "below it. A pending validation ends. You can activate it again.",
    ),
    "delete": (
        "Delete", "{name} leaves the list, its pending validation ends, and what was proven of it is not used any "
        "more. The evidence stays with the certificate authority. Added again it begins anew.",
    ),
}  # fmt: skip


@router.post("/{domain_id}/check", dependencies=[CsrfChecked])
async def check(request: Request, caller: PageUser, domain_id: int) -> Response:
    """No transaction is open while the network is asked."""
    async with database(request).transaction() as tx:
        domain = await visible_domain(tx, caller, domain_id)
    refused = None
    try:
        await request.app.state.by_hand.check(domain.key, caller.email or caller.name)
    except DomainError as error:
        refused = error
    if refused is None:
        return RedirectResponse(f"/domains/{domain_id}", 303)
    async with database(request).transaction() as tx:
        return await show(request, tx, await visible_domain(tx, caller, domain_id), refused)


@router.post("/{domain_id}/submit", dependencies=[CsrfChecked])
async def submit(request: Request, tx: Tx, caller: PageUser, domain_id: int, method: Text = "") -> Response:
    async def deed(tx: Tx, asking: Asking, key: DomainKey) -> None:
        await submit_domain(tx, asking, key, method or None)

    return await _do(request, tx, caller, domain_id, deed)


@router.get("/{domain_id}/{question}")
async def ask(request: Request, tx: Tx, caller: PageUser, domain_id: int, question: str) -> Response:
    domain = await visible_domain(tx, caller, domain_id)
    if question not in QUESTIONS:
        raise NotFound("There is nothing at this address; go back to the domain.")
    verb, message = QUESTIONS[question]
    return page(
        request, "confirm.html", title=f"{verb} {domain.name}?", message=message.format(name=domain.name),
        action=f"/domains/{domain_id}/{question}", verb=verb, kind="danger", back=f"/domains/{domain_id}",
    )  # fmt: skip


@router.post("/{domain_id}/deactivate", dependencies=[CsrfChecked])
async def deactivate(request: Request, tx: Tx, caller: PageUser, domain_id: int) -> Response:
    return await _do(request, tx, caller, domain_id, deactivate_domain, "domain deactivated")


@router.post("/{domain_id}/delete", dependencies=[CsrfChecked])
async def delete(request: Request, tx: Tx, caller: PageUser, domain_id: int) -> Response:
    answer = await _do(request, tx, caller, domain_id, delete_domain, "domain deleted")
    return RedirectResponse("/domains", 303) if isinstance(answer, RedirectResponse) else answer


@router.post("/{domain_id}/{deed}", dependencies=[CsrfChecked])
async def change(request: Request, tx: Tx, caller: PageUser, domain_id: int, deed: str) -> Response:
    if deed not in DEEDS:
        raise NotFound("There is nothing to be done at this address; go back to the domain.")
    return await _do(request, tx, caller, domain_id, DEEDS[deed], "domain activated" if deed == "activate" else "")


async def _do(request: Request, tx: Tx, caller: PageUser, domain_id: int, deed: Deed, noted: str = "") -> Response:
    domain: Domain = await visible_domain(tx, caller, domain_id)
    try:
        async with attempt(tx):
            await deed(tx, asking_of(request, caller), domain.key)
    except DomainError as refused:
        return await show(request, tx, await visible_domain(tx, caller, domain_id), refused)
    if noted:
        note(tx, caller.email, noted, f"domain/{domain_id}", None, {"name": domain.name}, now())
    return RedirectResponse(f"/domains/{domain_id}", 303)
