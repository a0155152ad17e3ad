from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from services.validation.actions.resending import resend_mails
from services.validation.actions.submitting import (
    Submission,
    cancel_submission,
    change_dcv_method,
    renew_token,
    submit_domain,
)
from services.validation.api.bodies import MailIn, SubmitIn, asking_of
from services.validation.api.shapes import pending_out, token_out
from services.validation.models import Attempt, Domain
from services.validation.queries.access import visible_domain
from services.validation.queries.standings import Standing, standing
from services.validation.rules.choosing import WITH_TOKEN
from services.validation.rules.judging import judge
from services.validation.rules.outcomes import Outcome
from shared.errors import Conflict, Rejected
from shared.web import Once, Tx, Who, database, now

router = APIRouter(prefix="/services/v2/domain")
# Nothing that could be looked at: a client that waits for a record is to hear of it (certcentral-api 6).
STILL_PENDING = {Outcome.NOTFOUND.value, Outcome.MISMATCH.value}
NO_CONTENT: dict[int | str, dict[str, Any]] = {204: {"description": "Submitted with the method used before"}}


@router.post("/{domain_id}/validation", status_code=201, responses=NO_CONTENT)
async def submit(request: Request, tx: Tx, caller: Who, once: Once, domain_id: int, body: SubmitIn) -> Response:
    """At any time; the current validation keeps serving. Without `dcv_method` 204, with it 201 and what to publish."""
    domain = await visible_domain(tx, caller, domain_id)
    asking = asking_of(request, caller, body.wish)

    async def act() -> Submission:
        return await submit_domain(tx, asking, domain.key, body.dcv_method, body.types)

    if body.dcv_method is None:
        await act()
        return Response(status_code=204)
    return await once(tx, 201, lambda: _told(request, act))


async def _told(request: Request, act: Any) -> dict[str, Any]:
    submission: Submission = await act()
    return {"id": submission.domain.id} | pending_out(submission.attempt, request.app.state.policy)


@router.delete("/{domain_id}/validation", status_code=204, response_class=Response)
async def cancel(request: Request, tx: Tx, caller: Who, domain_id: int) -> None:
    """Ours: the pending attempt ends, the current validation stays."""
    domain = await visible_domain(tx, caller, domain_id)
    await cancel_submission(tx, asking_of(request, caller), domain.key)


class MethodIn(MailIn):
    dcv_method: Annotated[str, Field(max_length=40)]
    send_dcv_email_flag: bool = True


@router.put("/{domain_id}/dcv/method")
async def change_method(request: Request, tx: Tx, caller: Who, domain_id: int, body: MethodIn) -> dict[str, Any]:
    """To e-mail: mails go out unless told otherwise; chosen again it sends none."""
    domain = await visible_domain(tx, caller, domain_id)
    asking = asking_of(request, caller, replace(body.wish, send=body.send_dcv_email_flag))
    submission = await change_dcv_method(tx, asking, domain.key, body.dcv_method)
    return pending_out(submission.attempt, request.app.state.policy)


@router.post("/{domain_id}/dcv/token")
async def new_token(request: Request, tx: Tx, caller: Who, domain_id: int) -> dict[str, Any]:
    """The token before is dead at once."""
    domain = await visible_domain(tx, caller, domain_id)
    asking = asking_of(request, caller)
    attempt = (await renew_token(tx, asking, domain.key)).attempt
    return token_out(attempt, attempt.instructions(asking.policy), None)


@router.put("/{domain_id}/dcv/emails", status_code=204, response_class=Response)
async def send_again(request: Request, tx: Tx, caller: Who, domain_id: int, body: MailIn | None = None) -> None:
    """The same mails to the same addresses; with another `name_scope` new ones to others."""
    domain = await visible_domain(tx, caller, domain_id)
    await resend_mails(tx, asking_of(request, caller, (body or MailIn()).wish), domain.key)


@router.put("/{domain_id}/dcv/validate-token")
async def check_now(request: Request, caller: Who, domain_id: int) -> dict[str, Any]:
    """One look, at once; polling goes on as it was. `message` says what was seen."""
    domain, before = await _standing(request, caller, domain_id)
    if before.attempt is None:
        if before.proof:
            return {"status": "active"}
        raise Conflict(f"No validation of {domain.name} is pending; submit the domain first.")
    claim = await request.app.state.by_hand.check(domain.key, caller.email or caller.name)
    token = {"token": before.attempt.token} if before.attempt.method in WITH_TOKEN else {}
    if claim is None:
        return token | {"status": "pending", "message": "It is being looked at this moment; ask again in some seconds."}
    async with database(request).transaction() as tx:
        return token | _seen(await tx.get_one(Attempt, claim.attempt_id))


def _seen(attempt: Attempt) -> dict[str, Any]:
    if attempt.ended == "passed":
        return {"status": "active"}
    if attempt.closed_at or attempt.outcome not in STILL_PENDING:
        raise Rejected(attempt.message or "It could not be looked at; try again.", "dcv_lookup_failed")
    return {"status": "pending", "message": attempt.message}


@router.post("/{domain_id}/dcv/pre-check")
async def pre_check(request: Request, caller: Who, domain_id: int) -> dict[str, Any]:
    """Ours: the same look from here, which changes nothing and proves nothing (LC10)."""
    domain, _ = await _standing(request, caller, domain_id)
    look = await request.app.state.by_hand.dry_run(domain.key, caller.email or caller.name)
    verdict = judge(look.job, look.primary, look.claim.tokens, now())
    return {
        "dry_run": True,
        "would_pass": verdict.outcome is Outcome.PASS,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "message": verdict.message,
        "queries": look.primary.as_evidence(),
    }


async def _standing(request: Request, caller: Who, domain_id: int) -> tuple[Domain, Standing]:
    async with database(request).transaction() as tx:
        domain = await visible_domain(tx, caller, domain_id)
        return domain, await standing(tx, request.app.state.policy, domain, now())
