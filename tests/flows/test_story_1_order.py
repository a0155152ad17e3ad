"""Story 1: an order paid from funds, from the request to the certificate, told three ways."""

import hashlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from sqlalchemy import text

from shared.events.base import Event
from shared.events.orders import Division, PlaceOrder, Term
from shared.events.validation import IssuanceAuthorized
from tests.bus import as_foreign
from tests.flows.conftest import COSTS, Town, pdf_of
from tests.orders.makers import csr

FOREIGN = {
    "id": "order-1201-placed", "type": "order_placed", "source": "shop", "occurred_at": "2026-11-23T10:00:00Z",
    "account_id": 2**30 + 1,
    "account": {"id": 2**30 + 1, "name": "Shop Customer", "legal_name": "Acme Example Inc.",
                "address": {"line1": "1 Main Street", "postcode": "84043", "city": "Lehi", "country": "US"},
                "currency": "EUR", "billing_emails": ["ap@shop.example"]},
    "division": {"id": 2**30 + 1, "name": "Main"}, "order_id": 1201, "product_name_id": "ssl_dv_geotrust",
    "term": {"years": 1}, "names": ["www.acme.example"], "payment": {"method": "balance"}, "placed_by": "shop",
    "placed_at": "2026-11-23T10:00:00Z",
}  # fmt: skip


async def test_an_order_by_http_ends_with_a_certificate_and_its_invoice_in_the_mail(town: Town) -> None:
    await town.pay(50_000)

    order = await town.order()
    await town.settle()

    assert (await town.shown(order))["status"] == "issued"
    await assert_certificate(town, order, {"www.acme.example", "acme.example"})
    await assert_invoice_mailed_once(town)
    assert await town.balance() == f"{(50_000 - COSTS) / 100:.2f}"
    await town.in_order()


async def assert_certificate(town: Town, order: int, names: set[str]) -> None:
    async with town.client() as http:
        answer = await http.get(f"/services/v2/certificate/download/order/{order}/format/pem_all")
    assert answer.status_code == 200
    leaf, issuing, root = x509.load_pem_x509_certificates(answer.content)
    said = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(said.get_values_for_type(x509.DNSName)) == names
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)


async def assert_invoice_mailed_once(town: Town) -> None:
    [mail] = town.mails("ap@acme.example")
    [ready] = await town.said("billing", "invoice_document_ready")
    assert ready["number"] in mail["Subject"]
    assert hashlib.sha256(pdf_of(mail)).hexdigest() == ready["sha256"]
    async with town.client() as http:
        stored = await http.get(ready["path"])
    assert stored.content == pdf_of(mail)


async def test_the_same_by_the_command_place_order(town: Town) -> None:
    await town.pay(50_000)
    command = PlaceOrder(
        source="reseller", account_id=town.account, division=Division(id=town.division, name="Main"),
        product_name_id="ssl_dv_geotrust", term=Term(years=1), csr=csr(), names=("shop.acme.example",),
    )  # fmt: skip

    town.tell(command)
    await town.settle()

    [placed] = await town.said("orders", "order_placed")
    assert placed["causation_id"] == str(command.id)
    await assert_certificate(town, placed["order_id"], {"shop.acme.example"})
    await assert_invoice_mailed_once(town)
    await town.in_order()


async def test_an_order_of_another_system_is_billed_and_proven_and_orders_leaves_it_alone(town: Town) -> None:
    told = as_foreign(FOREIGN, "orders.events.v1")
    town.world.bus.put(told.topic, told.key, told.value)
    await town.settle()
    [waiting] = await town.said("billing", "order_waiting")

    deposit = {
        "id": "d1", "type": "deposit_funds", "source": "bank", "account_id": 2**30 + 1, "division_id": 2**30 + 1,
        "amount": {"amount": 50_000, "currency": "EUR"}, "reference": "SEPA 7",
    }  # fmt: skip
    told = as_foreign(deposit, "billing.commands.v1")
    town.world.bus.put(told.topic, told.key, told.value)
    await town.settle()

    assert waiting["order"] == {"source": "shop", "id": 1201}
    [charged] = await town.said("billing", "order_charged")
    assert charged["order"] == {"source": "shop", "id": 1201}
    [validated] = await town.said("validation", "domain_validated")
    assert validated["name"] == "www.acme.example"
    [mail] = town.mails()
    assert mail["To"] == "ap@shop.example"
    assert pdf_of(mail).startswith(b"%PDF")
    assert await town.world.rows("orders", "SELECT 1 FROM certificate_order") == []
    assert await town.said("orders", "authorize_issuance", "certificate_issued") == []
    await town.in_order()


async def test_an_order_whose_evidence_died_before_the_question_is_not_issued(town: Town) -> None:
    """orders knows of a proof; validation judges again at that moment, and the proof has gone."""
    await town.pay(50_000)
    order = await town.order("standard_user")
    await town.settle()
    assert (await town.shown(order))["status"] != "issued"
    await kill_evidence(town)

    await approve(town, order)
    await town.world.settle()

    [denied] = await town.said("validation", "issuance_denied")
    assert denied["order"]["id"] == order
    assert await town.said("orders", "certificate_issued") == []
    await town.in_order()


async def kill_evidence(town: Town) -> None:
    """As if the proof had been seen longer ago than it may be used."""
    async with town.world.validation.db.transaction() as tx:
        await tx.execute(text("UPDATE validation SET observed_at = observed_at - interval '400 days'"))


async def approve(town: Town, order: int) -> None:
    async with town.client() as http:
        request = (await http.get(f"/services/v2/order/certificate/{order}")).json()["requests"][0]["id"]
        answer = await http.put(f"/services/v2/request/{request}/status", json={"status": "approved"})
    assert answer.status_code == 204, answer.text


async def test_a_certificate_is_never_issued_after_the_moment_that_was_given_for_it(town: Town) -> None:
    await town.pay(50_000)
    order = await town.order("standard_user")
    await town.settle()
    await approve(town, order)
    late: Event = IssuanceAuthorized.model_validate(
        {
            "account_id": town.account, "occurred_at": datetime.now(UTC) - timedelta(hours=9),
            "order": {"id": order}, "names": ("www.acme.example", "acme.example"),
            "issue_before": datetime.now(UTC) - timedelta(seconds=1),
        }
    )  # fmt: skip

    await town.world.deliver("orders", late)
    for step in town.world.orders.steps:
        await step()

    assert await town.said("orders", "certificate_issued") == []
    await town.world.settle()  # validation's own answer comes, and gives time
    assert len(await town.said("orders", "certificate_issued")) == 1
