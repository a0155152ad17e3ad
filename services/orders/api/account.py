"""Who is calling, the divisions they may see, and what can be ordered."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

from services.orders import actions, queries
from services.orders.models import Division
from services.orders.rules.products import CATALOGUE, ORDER_YEARS, SIGNATURE_HASHES, Product
from shared.access import Caller
from shared.errors import NotFound
from shared.web import Tx, Who

router = APIRouter(prefix="/services/v2")
ROLES = {
    "administrator": (1, "Administrator"),
    "limited_user": (2, "Limited user"),
    "finance_manager": (3, "Finance manager"),
    "manager": (4, "Manager"),
    "standard_user": (5, "Standard user"),
    "operator": (9, "Operator"),
}


@router.get("/user/me")
async def me(tx: Tx, who: Who) -> dict[str, Any]:
    who.require(*ROLES)
    user = await queries.user(tx, who.user_id)
    if user is None:
        raise NotFound("This key stands for no user any more.", "not_found|user")
    number, role = ROLES[who.role]
    divisions = await _divisions(tx, who)
    home = next((d for d in divisions if d.id in who.divisions), divisions[0] if divisions else None)
    return {
        "id": user.id,
        "username": user.email,
        "account_id": who.account_id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "job_title": "",
        "telephone": "",
        "status": "inactive" if user.disabled_at else "active",
        "type": "standard",
        "has_container_assignments": bool(who.divisions),
        "access_roles": [{"id": number, "name": role}],
        **({"container": {"id": home.id, "name": home.name}} if home else {}),
    }


@router.get("/container")
async def containers(tx: Tx, who: Who) -> dict[str, Any]:
    who.require(*ROLES)
    return {"containers": [_container(division) for division in await _divisions(tx, who)]}


@router.get("/product")
async def products(tx: Tx, who: Who) -> dict[str, Any]:
    who.require(*actions.READERS)
    ids = [division.id for division in await _divisions(tx, who)]
    return {"products": [_offered(product, ids) for product in CATALOGUE]}


async def _divisions(tx: Tx, who: Caller) -> Sequence[Division]:
    divisions = await queries.divisions_of(tx, who.account_id)
    return [division for division in divisions if who.may_see_division(division.id)]


def _container(division: Division) -> dict[str, Any]:
    return {
        "id": division.id,
        "public_id": str(division.public_id),
        "name": division.name,
        "description": division.description,
        "parent_id": division.parent_id or 0,
        "template_id": 5,
        "has_logo": False,
        "is_active": division.is_active,
        "allowed_domain_names": [],
    }


def _offered(product: Product, containers: list[int]) -> dict[str, Any]:
    return {
        "group_name": product.group_name,
        "name_id": product.name_id,
        "name": product.name,
        "type": product.type,
        "allowed_container_ids": containers,
        "allowed_validity_years": [1],
        "allowed_order_validity_years": list(ORDER_YEARS),
        "signature_hash_types": {
            "allowed_hash_types": [{"id": name, "name": name.upper()} for name in SIGNATURE_HASHES],
            "default_hash_type_id": "sha256",
        },
        "csr_required": True,
    }
