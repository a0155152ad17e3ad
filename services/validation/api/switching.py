from fastapi import APIRouter, Request
from starlette.responses import Response

from services.validation.actions.keeping import activate_domain, deactivate_domain, delete_domain
from services.validation.api.bodies import asking_of
from services.validation.queries.access import visible_domain
from shared.audit import note
from shared.web import Tx, Who, now

router = APIRouter(prefix="/services/v2/domain")


@router.put("/{domain_id}/activate", status_code=204, response_class=Response)
async def activate(request: Request, tx: Tx, caller: Who, domain_id: int) -> None:
    domain = await visible_domain(tx, caller, domain_id)
    await activate_domain(tx, asking_of(request, caller), domain.key)
    note(tx, caller.email, "domain activated", f"domain/{domain_id}", None, {"name": domain.name}, now())


@router.put("/{domain_id}/deactivate", status_code=204, response_class=Response)
async def deactivate(request: Request, tx: Tx, caller: Who, domain_id: int) -> None:
    """Nothing is issued for it until it is activated again."""
    domain = await visible_domain(tx, caller, domain_id)
    await deactivate_domain(tx, asking_of(request, caller), domain.key)
    note(tx, caller.email, "domain deactivated", f"domain/{domain_id}", None, {"name": domain.name}, now())


@router.delete("/{domain_id}", status_code=204, response_class=Response)
async def delete(request: Request, tx: Tx, caller: Who, domain_id: int) -> None:
    domain = await visible_domain(tx, caller, domain_id)
    await delete_domain(tx, asking_of(request, caller), domain.key)
    note(tx, caller.email, "domain deleted", f"domain/{domain_id}", {"name": domain.name}, None, now())
