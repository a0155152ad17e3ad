from typing import Any

from shared.access import hash_key, take_credential
from shared.events.orders import CredentialChanged
from shared.ids import new_id
from tests.conftest import World
from tests.makers import NOW


async def take_key(world: World, key: str, **changed: Any) -> None:
    """A credential as billing hears of it from orders: an administrator's key unless told otherwise."""
    given: dict[str, Any] = {
        "occurred_at": NOW, "credential_id": f"key {new_id()}", "version": 1, "kind": "api_key", "account_id": 9001,
        "account_name": "Acme", "user_id": 1, "user_name": "Ann Lee", "email": "ann@acme.example",
        "role": "administrator", "key_role": 0, "divisions": (), "key_hash": hash_key(key),
    }  # fmt: skip
    async with world.billing.db.transaction() as tx:
        await take_credential(tx, CredentialChanged(**given | changed))
