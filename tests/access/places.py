"""Things to ask for: in the caller's division, below one, in another of its account, of a colleague, and in another
account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.billing.worker import print_due_documents
from services.orders import worker
from services.orders.clients.test_ca import TestCa
from shared.ids import new_id
from tests.access.rules import ROLES
from tests.billing.conftest import stock
from tests.conftest import World
from tests.orders.conftest import Company, open_company
from tests.orders.makers import authorized, body, ca_key, validated
from tests.orders.organizations import ACME

LIMITED = ("finance_manager", "manager", "standard_user", "limited_user")  # to the divisions Main and Labs
V2 = "/services/v2"
OWN, COLLEAGUE, BELOW, DIVISION, ACCOUNT = "own", "colleague", "sub-division", "other division", "other account"


@dataclass
class Town:
    world: World
    acme: Company
    globex: Company
    places: dict[str, Mapping[str, Any]]

    def marks(self, role: str) -> tuple[str, ...]:
        """Words that nobody of this role may be shown."""
        others = ("globex",)
        return () if role == "operator" else (*others, "hosting") if role in LIMITED else others


async def build(world: World) -> Town:
    await stock(world.billing.db)
    acme = await open_company(world, "Acme", {r: ("Main", "Labs") if r in LIMITED else () for r in ROLES})
    globex = await open_company(world, "Globex", {"administrator": (), "manager": ()})
    await world.settle(steps=False)
    town = Town(world, acme, globex, {})
    added = {"name": "Cellar", "template_id": 5}
    where = f"/container/{acme.divisions['Labs']}/children"
    acme.divisions["Cellar"] = (await ask(town, acme, "administrator", "POST", where, json=added))["id"]
    for name, number in globex.divisions.items():  # both accounts have a Main, so that a name told would not tell whose
        await ask(town, globex, "administrator", "PUT", f"/container/{number}", json={"name": f"Globex {name}"})
    for company in (acme, globex):
        await _agree_terms(town, company)
    await world.settle(steps=False)
    town.places[OWN] = await _place(town, acme, "Main", "own", "limited_user")
    town.places[COLLEAGUE] = await _place(town, acme, "Main", "colleague", "administrator")
    town.places[BELOW] = await _place(town, acme, "Cellar", "cellar", "administrator")
    town.places[DIVISION] = await _place(town, acme, "Hosting", "hosting", "administrator")
    town.places[ACCOUNT] = await _place(town, globex, "Main", "globex", "administrator")
    return town


async def ask(town: Town, company: Company, role: str, method: str, path: str, **sent: Any) -> Any:
    key = town.acme.keys[role] if role == "operator" else company.keys[role]
    async with town.world.client(key) as client:
        answer = await client.request(method, V2 + path, **sent)
    assert answer.status_code < 300, (method, path, answer.text)
    return answer.json() if answer.content else {}


async def _agree_terms(town: Town, company: Company) -> None:
    top = company.divisions["Main"]
    agreed = {"purchase_orders_allowed": True, "monthly_billing": True}
    await ask(town, company, "operator", "PUT", f"/finance/terms/{top}", json=agreed)
    paid = {"container_id": top, "amount": "5000.00", "reference": f"SEPA {company.id}"}
    await ask(town, company, "operator", "POST", "/finance/deposit", json=paid)


async def _place(town: Town, company: Company, division: str, host: str, by: str) -> dict[str, Any]:
    number = company.divisions[division]
    order, request = await _order(town, company, number, f"{host}.example", by)
    waiting, _ = await _order(town, company, number, f"waiting.{host}.example", by, approve=False)
    on_account, _ = await _order(town, company, number, f"monthly.{host}.example", by, payment_method="on_account")
    cancelled, _ = await _order(town, company, number, f"cancelled.{host}.example", by)
    await town.world.settle(steps=False)
    await _issue(town, company, order, f"{host}.example")
    where = f"/order/certificate/{cancelled}/status"
    await ask(town, company, "administrator", "PUT", where, json={"status": "canceled", "note": host})
    await town.world.settle(steps=False)
    while await print_due_documents(town.world.billing.db, _blank):
        pass
    user, key, field = await _people(town, company, host)
    organization, note = await _organization(town, company, number, host), await _note(town, company, order, host)
    return {
        "account": company.id, "division": number, "top": company.divisions["Main"], "order": order,
        "request": request, "waiting": waiting, "cancelled": cancelled, "on_account": on_account, "user": user,
        "key": key, "field": field, "organization": organization, "note": note,
        "domain": await _domain(town, company, f"waiting.{host}.example"),
        **await _money(town, company, number, host), **await _numbers(town, company, order, cancelled),
        **{word: word for word in ("pem_all", "cancel", "deactivate", "delete", "token")}, "platform": 29,
        "product": "ssl_dv_geotrust",
        "month": "2026-10", "none": 1, "message": str(new_id()),
    }  # fmt: skip


async def _blank(_: object) -> bytes:
    return b"%PDF-1.7"


async def _order(
    town: Town, company: Company, division: int, host: str, by: str, approve: bool = True, **more: str
) -> tuple[int, int]:
    sent = body(container={"id": division}, certificate__common_name=host, certificate__dns_names=[host], **more)
    placed = await ask(town, company, by, "POST", "/order/certificate/ssl_dv_geotrust", json=sent)
    request = placed["requests"][0]
    if approve and request["status"] != "approved":
        where = f"/request/{request['id']}/status"
        await ask(town, company, "administrator", "PUT", where, json={"status": "approved"})
    return placed["id"], request["id"]


async def _issue(town: Town, company: Company, order: int, host: str) -> None:
    await town.world.deliver("orders", validated(company.id, host))
    await town.world.deliver("orders", authorized(company.id, order, (host,)))
    assert await worker.issue_next(town.world.orders.db, TestCa(ca_key()))


async def _people(town: Town, company: Company, host: str) -> tuple[int, int, int]:
    sent = {"email": f"someone@{host}.example", "last_name": host, "access_roles": [{"id": 5}]}
    user = (await ask(town, company, "administrator", "POST", "/user", json=sent))["id"]
    key = (await ask(town, company, "administrator", "POST", f"/user/{user}/api-key", json={"name": host}))["id"]
    told = {"label": f"Field {host[:2]}"}  # the account's, whatever the division
    return user, key, (await ask(town, company, "administrator", "POST", "/account/metadata", json=told))["id"]


async def _organization(town: Town, company: Company, division: int, host: str) -> int:
    sent = {**ACME, "name": f"{host} Ltd", "container": {"id": division}}
    return int((await ask(town, company, "administrator", "POST", "/organization", json=sent))["id"])


async def _note(town: Town, company: Company, order: int, host: str) -> int:
    where = f"/order/certificate/{order}/note"
    return int((await ask(town, company, "administrator", "POST", where, json={"text": host}))["id"])


async def _domain(town: Town, company: Company, name: str) -> int:
    where = "SELECT id FROM domain WHERE account_id = :account AND name = :name"
    [row] = await town.world.rows("validation", where, account=company.id, name=name)
    return int(row.id)


async def _money(town: Town, company: Company, division: int, host: str) -> dict[str, Any]:
    def told(number: str) -> dict[str, Any]:
        return {"po_number": f"{number}-{host}", "amount": "10.00", "currency": "EUR", "container_id": division}

    pending = await ask(town, company, "administrator", "POST", "/finance/purchase-order", json=told("P"))
    approved = await ask(town, company, "administrator", "POST", "/finance/purchase-order", json=told("A"))
    where = f"/finance/purchase-order/{approved['id']}/status"
    await ask(town, company, "operator", "PUT", where, json={"status": "approved"})
    [invoice] = await town.world.rows("billing", PO_INVOICE, number=f"A-{host}")
    paid = {"container_id": division, "amount": "3.00", "reference": host}
    payment = await ask(town, company, "administrator", "POST", "/finance/deposit", json=paid)
    wish = {"container_id": division, "name": host, "description": host, "monthly_price": "1.00",
            "starts_on": "2999-01-01"}  # fmt: skip
    subscription = await ask(town, company, "operator", "POST", "/finance/subscription", json=wish)
    return {"purchase_order": pending["id"], "po_invoice": invoice.id, "payment": payment["id"],
            "subscription": subscription["id"]}  # fmt: skip


async def _numbers(town: Town, company: Company, order: int, cancelled: int) -> dict[str, Any]:
    [row] = await town.world.rows("billing", INVOICE, order=order)
    adjustment, *_ = await town.world.rows("billing", ADJUSTMENT, account=company.id)
    [note] = await town.world.rows("billing", "SELECT id FROM credit_note WHERE order_id = :order", order=cancelled)
    [issued] = await town.world.rows("orders", CERTIFICATE, order=order)
    [paid] = await town.world.rows("orders", RECEIPT, order=order)
    return {
        "invoice": row.id, "credit_note": note.id, "certificate": issued.id, "serial": issued.serial_number,
        "receipt": paid.receipt_id, "adjustment": adjustment.id,
    }  # fmt: skip


CERTIFICATE = "SELECT id, serial_number FROM certificate WHERE order_id = :order"
ADJUSTMENT = """
SELECT p.id FROM posting p JOIN journal j ON j.id = p.journal_id
WHERE j.account_id = :account AND p.division_id IS NOT NULL ORDER BY p.id
"""
PO_INVOICE = "SELECT id FROM invoice WHERE purchase_order_number = :number"
RECEIPT = "SELECT receipt_id FROM certificate_order WHERE id = :order"
INVOICE = "SELECT id FROM invoice WHERE order_id = :order"
