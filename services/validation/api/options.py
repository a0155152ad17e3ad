from typing import Any

from fastapi import APIRouter, Request

from services.validation.api.shapes import TYPES
from services.validation.queries.access import require_domains
from services.validation.rules.choosing import NAMES, offered
from shared.web import Who, now

router = APIRouter(prefix="/services/v2/domain")


@router.get("/validation-type")
async def validation_types(caller: Who) -> dict[str, Any]:
    require_domains(caller)
    found = [{"type": kind, "name": name, "description": said} for kind, (name, said) in TYPES.items()]
    return {"validation_types": found}


@router.get("/dcv/method")
async def dcv_methods(request: Request, caller: Who) -> dict[str, Any]:
    """Those that may be used today."""
    require_domains(caller)
    methods = offered(request.app.state.policy, now())
    return {"methods": [{"name": method, "description": NAMES[method]} for method in methods]}
