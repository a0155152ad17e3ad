from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from services.validation.actions.keeping import Wish, add_domain, name_of
from services.validation.api.bodies import DomainIn, asking_of
from services.validation.api.shapes import domain_out, invitations_out, page_of, pending_out, validations_out
from services.validation.api.tables import as_csv, domain_rows, wants_csv
from services.validation.models import Domain
from services.validation.queries.access import account_of, division_for, require_own, visible_domain
from services.validation.queries.filters import FILTERS, PLAIN, SORT_COLUMNS
from services.validation.queries.listed import domains, every_domain
from services.validation.queries.mails import mails_of
from services.validation.queries.standings import standing
from services.validation.rules.methods import EMAIL
from shared.listing import parse_listing
from shared.web import Once, Tx, Who, database, now

router = APIRouter(prefix="/services/v2/domain")
FLAGS = ("include_dcv", "include_dcv_expiration_time", "include_validation", "include_validation_reuse_status",
         "format")  # fmt: skip
Flag = Annotated[bool, Query()]
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}, "text/csv": {}}}}


@router.get("", responses=CSV)
async def list_domains(
    request: Request, caller: Who, include_dcv: Flag = False, include_dcv_expiration_time: Flag = False,
    include_validation: Flag = True, include_validation_reuse_status: Flag = False,
) -> Response:  # fmt: skip
    given = [(name, value) for name, value in request.query_params.multi_items() if name not in FLAGS]
    listing = parse_listing(given, FILTERS, SORT_COLUMNS, PLAIN)
    policy, db = request.app.state.policy, database(request)
    if wants_csv(request):
        return as_csv(domain_rows(every_domain(db, caller, policy, listing, now())), "domains")
    async with db.transaction() as tx:
        total, found = await domains(tx, caller, policy, listing, now())
    shown = [
        domain_out(one, policy, dcv=include_dcv, validations=include_validation,
                   expiration=include_dcv_expiration_time, reuse=include_validation_reuse_status)
        for one in found
    ]  # fmt: skip
    return JSONResponse({"domains": shown, "page": page_of(total, listing)})


@router.post("", status_code=201)
async def add(request: Request, tx: Tx, caller: Who, once: Once, body: DomainIn) -> JSONResponse:
    """With `dcv_method` it is submitted at once, and the reply has what to publish."""
    return await once(tx, 201, lambda: _add(request, tx, caller, body))


async def _add(request: Request, tx: Tx, caller: Who, body: DomainIn) -> dict[str, Any]:
    account_id = account_of(caller, body.account_id)
    division_id = await division_for(tx, caller, account_id, body.division_id)
    wish = Wish(body.name, division_id, body.organization_id, body.dcv_method, body.types, body.keep_www)
    asking = asking_of(request, caller, body.wish)
    await require_own(tx, caller, account_id, name_of(asking, wish).fqdn)
    domain, submission = await add_domain(tx, asking, account_id, wish)
    told = {"id": domain.id, "name": domain.name}
    return told | (pending_out(submission.attempt, asking.policy) if submission else {})


@router.get("/{domain_id}")
async def view(
    request: Request, tx: Tx, caller: Who, domain_id: int, include_dcv: Flag = False, include_validation: Flag = True,
    include_dcv_expiration_time: Flag = False,
) -> dict[str, Any]:  # fmt: skip
    domain, policy = await visible_domain(tx, caller, domain_id), request.app.state.policy
    one = await standing(tx, policy, domain, now())
    told = domain_out(one, policy, dcv=include_dcv, validations=include_validation,
                      expiration=include_dcv_expiration_time)  # fmt: skip
    if include_dcv and one.attempt and one.attempt.method == EMAIL:
        mails = await mails_of(tx, one.attempt)
        told["dcv"] = invitations_out(one.attempt, mails)
        told["validation_emails"]["dns_emails"] = [mail.recipient for mail in mails if mail.found_at]
    return told


@router.get("/{domain_id}/validation")
async def view_validation(request: Request, tx: Tx, caller: Who, domain_id: int) -> dict[str, Any]:
    domain: Domain = await visible_domain(tx, caller, domain_id)
    return {"validations": validations_out(await standing(tx, request.app.state.policy, domain, now()))}
