"""What the built-in CA's certificates point to: its lists and its own certificates, in DER and for everybody."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from services.orders import queries
from shared.db import utcnow
from shared.errors import NotFound
from shared.web import Tx

router = APIRouter(prefix="/pki")
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{40}$")]
MOST_CACHED = 3600  # seconds: a revocation is seen by everybody after an hour


@router.get("/{key_id}.crl")
async def revocation_list(key_id: KeyId, tx: Tx) -> Response:
    found = await queries.newest_list(tx, key_id)
    if found is None:
        raise no_authority(key_id)
    left = max(0, int((found.next_update - utcnow()).total_seconds()))
    headers = {"content-type": "application/pkix-crl", "cache-control": f"public, max-age={min(MOST_CACHED, left)}"}
    return Response(found.der, headers=headers)


@router.get("/{key_id}.cer")
async def authority(key_id: KeyId, tx: Tx) -> Response:
    found = await queries.authority(tx, key_id)
    if found is None:
        raise no_authority(key_id)
    headers = {"content-type": "application/pkix-cert", "cache-control": f"public, max-age={MOST_CACHED}"}
    return Response(found.certificate, headers=headers)


def no_authority(key_id: str) -> NotFound:
    return NotFound(f"There is no authority with the key {key_id} here.", "not_found|authority")
