"""What an older system hands over, with good defaults, and the ways in."""

from datetime import date
from typing import Any

from services.billing import actions
from services.billing.actions import ImportedBalance, ImportedInvoice
from services.billing.queries.imports import lock_for
from services.billing.rules.imports import OldBalance, OldInvoice
from shared.db import Database, utcnow
from tests.billing.months import STAFF, eur
from tests.conftest import World

API = "/services/v2/finance"
INVOICE = {
    "container_id": 14, "legacy_source": "oldbill", "legacy_number": "R-2025-0817", "issued_on": "2025-08-17",
    "due_on": "2025-09-16", "po_number": "PO-77812", "amount": "1000.00", "currency": "EUR",
}  # fmt: skip
BALANCE = {
    "container_id": 14, "legacy_source": "oldbill", "amount": "-600.00", "currency": "EUR", "as_of": "2025-12-31",
}  # fmt: skip


def an_old_invoice(minor: int = 100_000, **changed: Any) -> OldInvoice:
    given: dict[str, Any] = {
        "division_id": 14, "source": "oldbill", "number": "R-2025-0817", "issued_on": date(2025, 8, 17),
        "due_on": date(2025, 9, 16), "po_number": "PO-77812", "amount": eur(minor), "paid": eur(0),
    }  # fmt: skip
    return OldInvoice(**given | changed)


def an_old_balance(minor: int = -60_000, **changed: Any) -> OldBalance:
    given: dict[str, Any] = {
        "division_id": 14, "source": "oldbill", "amount": eur(minor), "as_of": date(2025, 12, 31),
    }  # fmt: skip
    return OldBalance(**given | changed)


async def bring_invoice(db: Database, old: OldInvoice, account_id: int = 9001) -> ImportedInvoice:
    async with db.transaction() as tx:
        await lock_for(tx, [old])
        return await actions.import_invoice(tx, account_id, old, utcnow())


async def bring_balance(db: Database, old: OldBalance, account_id: int = 9001) -> ImportedBalance:
    async with db.transaction() as tx:
        await lock_for(tx, [old])
        return await actions.import_balance(tx, account_id, old, STAFF, utcnow())


async def ask(world: World, path: str, body: dict[str, Any], key: str = "staff", **headers: str) -> Any:
    async with world.client(key, **headers) as http:
        return await http.post(f"{API}/import/{path}", json=body)


async def read(world: World, path: str, key: str = "key", **parameters: Any) -> Any:
    async with world.client(key) as http:
        return await http.get(API + path, params=parameters)
