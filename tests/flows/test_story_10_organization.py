"""Story 10: an OV order with the details of an organization, through all services, with the staff in between."""

from cryptography import x509

from shared.db import utcnow
from tests.flows.conftest import ORDER, Town
from tests.orders.makers import body
from tests.orders.organizations import ACME, validate

PRICE = 19900 + 8900 + 5472  # the second name, and 19 % VAT


async def test_an_ov_order_is_charged_and_proven_and_waits_for_the_staff_alone(town: Town) -> None:
    await town.pay(50_000)
    order = await place(town)

    await town.settle()
    waiting = await town.shown(order)
    assert (waiting["status"], waiting["facts"].get("asked_at")) == ("pending", None)
    assert all("usable_until" in name for name in waiting["facts"]["names"])
    assert await town.balance() == f"{(50_000 - PRICE) / 100:.2f}"

    [operator] = await town.world.rows("orders", "SELECT id FROM app_user WHERE role = 'operator'")
    await validate(town.world.orders.db, waiting["organization"]["id"], "ov", (operator.id, operator.id), utcnow())
    await town.settle()

    assert (await town.shown(order))["status"] == "issued"
    async with town.client() as http:
        answer = await http.get(f"/services/v2/certificate/download/order/{order}/format/pem_all")
    leaf, *_ = x509.load_pem_x509_certificates(answer.content)
    [said] = leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    assert said.value == "Acme Example Inc."
    await town.in_order()


async def place(town: Town) -> int:
    async with town.client() as http:
        answer = await http.post(f"{ORDER}/ssl_basic", json=body(organization=ACME))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def test_equal_details_in_two_orders_are_one_organization_known_to_who_listens(town: Town) -> None:
    first, second = await place(town), await place(town)
    await town.settle()

    assert (await town.shown(first))["organization"] == (await town.shown(second))["organization"]
    assert len(await town.said("orders", "organization_added")) == 1
    assert {told["organization"]["name"] for told in await town.said("orders", "order_placed")} == {ACME["name"]}
    await town.in_order()
