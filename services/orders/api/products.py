"""What can be ordered, and for which divisions."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from services.orders import actions, queries
from services.orders.models import Division
from services.orders.rules.products import (
    CATALOGUE,
    DUPLICATES_ALLOWED,
    ORDER_YEARS,
    SIGNATURE_HASHES,
    Product,
    product,
)
from shared.access import Caller
from shared.errors import NotFound
from shared.web import Tx, Who

router = APIRouter(prefix="/services/v2/product")
OptionalId = Annotated[int | None, Field(ge=1, lt=2**31)]
OTHER_PLATFORM = {"id": -1, "name": "OTHER", "install_url": "", "csr_url": ""}
DEFAULT_HASH = "sha256"


@router.get("")
async def list_products(
    tx: Tx, who: Who, container_id: OptionalId = None, account_id: OptionalId = None
) -> dict[str, Any]:
    who.require(*actions.READERS)
    divisions = await _divisions(tx, who, container_id, account_id)
    listed = [_listed(each, allowed) for each in CATALOGUE if (allowed := _allowed(each, divisions))]
    return {"products": listed}


@router.get("/{name_id}")
async def show_product(
    name_id: str, tx: Tx, who: Who, container_id: OptionalId = None, account_id: OptionalId = None
) -> dict[str, Any]:
    who.require(*actions.READERS)
    wanted = product(name_id)
    if not _allowed(wanted, await _divisions(tx, who, container_id, account_id)):
        raise NotFound(f'"{name_id[:80]}" is not ordered for a division you may see.', "not_found|product")
    return _told(wanted)


async def _divisions(tx: Tx, who: Caller, container_id: int | None, account_id: int | None) -> list[Division]:
    """Those that may be ordered for."""
    if container_id:
        return [await actions.division_in_sight(tx, who, container_id)]
    account = await actions.account_of(tx, who, account_id)
    found = await queries.divisions_of(tx, account.id)
    return [one for one in found if one.is_active and who.may_see_division(one.id)]


def _allowed(each: Product, divisions: list[Division]) -> list[int]:
    return [division.id for division in divisions if division.offers(each.name_id)]


def _hashes() -> dict[str, Any]:
    return {
        "allowed_hash_types": [{"id": name, "name": name.upper()} for name in SIGNATURE_HASHES],
        "default_hash_type_id": DEFAULT_HASH,
    }


def _listed(each: Product, containers: list[int]) -> dict[str, Any]:
    return {**_known(each), "allowed_container_ids": containers}


def _told(each: Product) -> dict[str, Any]:
    return {
        **_known(each),
        "duplicates_allowed": DUPLICATES_ALLOWED,
        "additional_dns_names_allowed": each.max_names > 1,
        "increased_compatibility_allowed": False,
        "custom_expiration_date_allowed": True,
        "allow_auto_renew": False,
        "server_platforms": [OTHER_PLATFORM],
        "license_agreement": "",
    }


def _known(each: Product) -> dict[str, Any]:
    return {
        "group_name": each.group_name,
        "name_id": each.name_id,
        "name": each.name,
        "type": each.type,
        "validation_type": each.validation,
        "validation_name": each.validation_name,
        "validation_description": each.validation_description,
        "allowed_validity_years": [1],
        "allowed_order_validity_years": list(ORDER_YEARS),
        "signature_hash_types": _hashes(),
        "csr_required": True,
    }
