"""Orders brought as far as a test needs them, by what billing and validation would say."""

from typing import Any

from services.orders import worker
from services.orders.clients.test_ca import TestCa
from shared.events.orders import ApproveOrder
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import authorized, ca_key, charged, validated

ORDERS = "/services/v2/order/certificate"
NAMES = ("www.acme.example", "acme.example")


async def issue(
    world: World, company: Company, order_id: int, names: tuple[str, ...] = NAMES, request_id: int | None = None
) -> None:
    await world.deliver("orders", *[validated(company.id, name.removeprefix("*.")) for name in names])
    await world.deliver("orders", authorized(company.id, order_id, names, request_id=request_id))
    await worker.issue_next(world.orders.db, TestCa(ca_key()))


async def issued(world: World, company: Company, role: str = "administrator", **changes: Any) -> dict[str, Any]:
    order_id = (await company.place(role, **changes))["id"]
    approved = ApproveOrder(source="shop", account_id=company.id, order_id=order_id)
    await world.deliver("orders", approved, charged(company.id, order_id))
    await issue(world, company, order_id)
    shown = await company.order(order_id)
    assert shown["status"] == "issued"
    return shown


async def revoke_all(world: World) -> None:
    while await worker.revoke_next(world.orders.db):
        pass


async def ask(company: Company, method: str, path: str, sent: Any = None, role: str = "administrator") -> Any:
    async with company.client(role) as client:
        return await client.request(method, f"/services/v2{path}", json=sent)


async def reissue(company: Company, order_id: int, role: str = "administrator", **sent: Any) -> dict[str, Any]:
    answer = await ask(company, "POST", f"/order/certificate/{order_id}/reissue", sent, role)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def let_days_pass(world: World, days: int) -> None:
    """As if everything that has an end had begun earlier; certificates themselves stay as they were issued."""
    span = f"interval '{days} days'"
    ends = f"valid_from = valid_from - {days}, valid_till = valid_till - {days}"
    due = f"due_at = due_at - {span}, reissue_at = reissue_at - {span}"
    await world.rows("orders", f"UPDATE expiry SET {ends}, {due} RETURNING 1")
    await world.rows("orders", f"UPDATE certificate_order SET valid_till = valid_till - {days} RETURNING 1")


def refusal(answer: Any) -> tuple[int, str, str]:
    fault = answer.json()["errors"][0]
    return answer.status_code, fault["code"], fault["message"]
