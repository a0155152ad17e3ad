"""Many domains in one call, each with its own result: one that is refused stops no other (LC9)."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from services.validation.actions.submitting import Asking, submit_domain
from services.validation.api.bodies import SubmitIn, asking_of
from services.validation.api.shapes import pending_out
from services.validation.models import Domain
from services.validation.queries import lock_domains
from services.validation.queries.access import visible_domains
from shared.db import attempt
from shared.errors import DomainError, NotFound
from shared.web import Tx, Who

router = APIRouter(prefix="/services/v2/domain")
MOST = 25


class BulkIn(SubmitIn):
    domain_ids: Annotated[list[Annotated[int, Field(ge=1, lt=2**31)]], Field(min_length=1, max_length=MOST)]


@router.post("/validation")
async def submit_many(request: Request, tx: Tx, caller: Who, body: BulkIn) -> dict[str, Any]:
    """Ours: `status` of each is what a call of its own would have answered."""
    asking = asking_of(request, caller, body.wish)
    found = {domain.id: domain for domain in await visible_domains(tx, caller, body.domain_ids)}
    await lock_domains(tx, {domain.key for domain in found.values()})
    ids = list(dict.fromkeys(body.domain_ids))
    return {"results": [await _one(tx, asking, found.get(domain_id), domain_id, body) for domain_id in ids]}


async def _one(tx: Tx, asking: Asking, domain: Domain | None, domain_id: int, body: BulkIn) -> dict[str, Any]:
    try:
        if domain is None:
            raise NotFound(f"There is no domain {domain_id} that you may see; check its id.", "not_found|domain")
        async with attempt(tx):
            submission = await submit_domain(tx, asking, domain.key, body.dcv_method, body.types)
    except DomainError as refused:
        error = {"code": refused.code, "message": refused.message}
        return {"id": domain_id, "status": refused.status, "errors": [error]}
    told = {"id": domain_id, "name": domain.name, "status": 201 if body.dcv_method else 204}
    return told | (pending_out(submission.attempt, asking.policy) if body.dcv_method else {})
