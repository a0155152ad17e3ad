"""An outside CA as the tests play it, and orders that wait for it."""

from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from services.orders.clients.test_ca import TestCa
from services.orders.rules.issuance import Issued, Wanted
from shared.db import utcnow
from shared.events.orders import RecordIssuedCertificate, RecordRevokedCertificate
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import authorized, body, charged, csr, pem_of, validated

NAMES = ("www.acme.example", "acme.example")
CA = TestCa(pem_of(ec.generate_private_key(ec.SECP256R1())))


async def ready(company: Company, product: str = "ssl_dv_rapidssl", **changes: Any) -> dict[str, Any]:
    """An order that its CA was told it may issue."""
    async with company.client() as client:
        answer = await client.post(f"/services/v2/order/certificate/{product}", json=body(**changes))
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    world = company.world
    names = tuple(changes.get("certificate__dns_names", NAMES))
    await world.deliver("orders", *[validated(company.id, name) for name in names], charged(company.id, number))
    await world.deliver("orders", authorized(company.id, number, names))
    return await company.order(number)


def made(**changes: Any) -> Issued:
    now = utcnow()
    facts = {
        "csr": csr(),
        "names": NAMES,
        "not_before": now - timedelta(hours=1),
        "not_after": now + timedelta(days=90),
    }
    return CA.issue(Wanted(**{**facts, **changes}))


async def tell(company: Company, order: dict[str, Any], issued: Issued, **changes: Any) -> None:
    facts = {
        "source": "outside-ca", "account_id": company.id, "order_id": order["id"], "certificate": issued.pem,
        "chain": (issued.intermediate, issued.root),
    }  # fmt: skip
    await company.world.deliver("orders", RecordIssuedCertificate.model_validate({**facts, **changes}))


async def tell_revoked(company: Company, order_id: int, **changes: Any) -> None:
    facts = {"source": "outside-ca", "account_id": company.id, "order_id": order_id, "revoked_at": utcnow()}
    await company.world.deliver("orders", RecordRevokedCertificate.model_validate({**facts, **changes}))


async def types(world: World) -> list[str]:
    wanted = ("order_cancelled", "certificate_issued", "certificate_revocation_requested", "certificate_revoked",
              "command_refused")  # fmt: skip
    return [event["type"] for event in await world.said("orders", *wanted)]


async def refusal(world: World) -> str:
    [refused] = await world.said("orders", "command_refused")
    return str(refused["message"])
