"""Ours: the revalidation wave, what dies when by date and division."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import ColumnElement, and_, true
from starlette.responses import JSONResponse, Response

from services.validation.api.bodies import OptionalId
from services.validation.api.shapes import moment
from services.validation.api.tables import Rows, as_csv, wants_csv
from services.validation.models import Domain
from services.validation.queries.access import require_domains
from services.validation.queries.wave import deaths, every_dying
from shared.web import Who, database, now

router = APIRouter(prefix="/services/v2/domain")
COLUMNS = ("Ends on", "Usable until", "Container id", "Container", "Domain id", "Domain", "Method", "Proven at",
           "Observed at", "Revalidation pending")  # fmt: skip


@router.get("/expiring")
async def expiring(
    request: Request, caller: Who, container_id: OptionalId = None, account_id: OptionalId = None
) -> Response:
    """As CSV a row a domain, else sums by day and division."""
    require_domains(caller)
    policy, db, only = request.app.state.policy, database(request), _only(container_id, account_id)
    if wants_csv(request):
        return as_csv(_rows(every_dying(db, caller, policy, now(), only)), "expiring-domains")
    async with db.transaction() as tx:
        found = await deaths(tx, caller, policy, now(), only)
    rows = [
        {"date": one.day.isoformat(), "container": {"id": one.division_id, "name": one.division},
         "domains": one.count, "revalidation_pending": one.pending}
        for one in found
    ]  # fmt: skip
    return JSONResponse({"expiring": rows, "domains": sum(one.count for one in found)})


def _only(container_id: int | None, account_id: int | None) -> ColumnElement[bool]:
    return and_(
        Domain.division_id == container_id if container_id else true(),
        Domain.account_id == account_id if account_id else true(),
    )


async def _rows(pages: Any) -> Rows:
    yield [COLUMNS]
    async for page in pages:
        yield [
            (one.proof.usable_until.date(), moment(one.proof.usable_until), one.domain.division_id, one.division,
             one.domain.id, one.domain.name, one.domain.method, one.proof.adn, moment(one.proof.observed_at),
             "yes" if one.domain.pending_id else "no")
            for one in page
        ]  # fmt: skip
