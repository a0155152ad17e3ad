"""What CAA records say of a domain now. Advice: before anything is issued they are looked at again (CA12)."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.validation.queries.access import visible_domain
from services.validation.rules.caa import Ruling
from services.validation.rules.names import Name
from shared.access import Caller
from shared.errors import Rejected
from shared.web import Who, database

router = APIRouter(prefix="/services/v2/domain")


@router.get("/{domain_id}/caa")
async def shown(request: Request, caller: Who, domain_id: int) -> dict[str, Any]:
    """Ours: for the name and for its wildcard, whether we may issue now, by which methods, and why or why not."""
    rulings = await _seen(request, caller, domain_id)
    return {"id": domain_id, "caa": [_told(name, ruling) for name, ruling in rulings]}


@router.put("/{domain_id}/caa", status_code=204, response_class=Response)
async def check(request: Request, caller: Who, domain_id: int) -> None:
    """204 where CAA permits us; else what forbids it. There is no locking of domains here, hence no token."""
    name, ruling = (await _seen(request, caller, domain_id))[0]
    if not ruling.permits:
        raise Rejected(ruling.message, f"caa_check_failed|{name.fqdn}")


async def _seen(request: Request, caller: Caller, domain_id: int) -> list[tuple[Name, Ruling]]:
    """No transaction is open while the network is asked."""
    async with database(request).transaction() as tx:
        domain = await visible_domain(tx, caller, domain_id)
    rulings: list[tuple[Name, Ruling]] = await request.app.state.by_hand.caa(domain.key)
    return rulings


def _told(name: Name, ruling: Ruling) -> dict[str, Any]:
    return {
        "name": name.certified,
        "permitted": bool(ruling.permits),
        "permitted_methods": sorted(ruling.permits),
        "outcome": ruling.outcome.value,
        "reason": ruling.reason,
        "message": ruling.message,
        "decided_at": ruling.decided_at or "",
    }
