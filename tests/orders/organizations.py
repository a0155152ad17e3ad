"""Organizations as clients send them, and staff who validate them."""

from datetime import datetime
from typing import Any

from services.orders import actions
from services.orders.actions import CheckWish
from services.orders.models import Organization
from services.orders.rules.checklist import Level, checklist
from services.orders.rules.vetting import Record
from shared.access import Caller
from shared.db import Database, locked
from tests.orders.conftest import Company, _add

ROUTE = "/services/v2/organization"
ACME = {
    "name": "Acme Example Inc.", "address": "1 Main Street", "city": "Lehi", "state": "Utah", "zip": "84043",
    "country": "us", "telephone": "801-555-0100",
}  # fmt: skip
RECORD = Record(
    "Acme Example Inc.", "US", "Lehi", "Utah", "84043", "1 Main Street", telephone="+1 801 555 0100",
    business_category="Private Organization", jurisdiction_country="US", jurisdiction_state="Delaware",
    registration_number="5157550",
)  # fmt: skip


async def added(company: Company, role: str = "administrator", **changes: Any) -> int:
    async with company.client(role) as client:
        answer = await client.post(ROUTE, json=ACME | changes)
    assert answer.status_code == 201, answer.text
    assert list(answer.json()) == ["id"]
    return int(answer.json()["id"])


async def shown(company: Company, organization: int, role: str = "administrator") -> dict[str, Any]:
    async with company.client(role) as client:
        answer = await client.get(f"{ROUTE}/{organization}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def staff(user_id: int, name: str) -> Caller:
    return Caller(f"user/{user_id}", "user", 0, "", user_id, name, "", "operator")


async def second_operator(company: Company) -> int:
    """EV takes two persons."""
    kept = company.users["operator"]
    async with company.world.orders.db.transaction() as tx:
        await _add(tx, company, None, f"{company.id}-second", "operator", ())  # type: ignore[arg-type]
    company.users["operator"], second = kept, company.users["operator"]
    return second


async def validate(
    db: Database, organization: int, level: Level, persons: tuple[int, int], now: datetime, record: Record = RECORD
) -> None:
    """Everything of the checklist, each in a transaction of its own; the last by the second person."""
    first, second = staff(persons[0], "Cara Novak"), staff(persons[1], "Olga Pereira")
    async with db.transaction() as tx:
        actions.enter_record(tx, await locked(tx, Organization, organization), record, first, now)
    for item in checklist(level, bool(record.assumed_name)):
        wish = CheckWish(item.kind, item.sources[level][0], "Register entry, kept as file 12", now.date())
        async with db.transaction() as tx:
            row = await locked(tx, Organization, organization)
            actions.record_check(tx, row, wish, second if item.by_another else first, now)
