"""Facts of billing and validation, and commands, through the door."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_events

from services.orders import worker
from services.orders.clients.test_ca import TestCa
from shared.events import billing, orders
from shared.events.base import Event, OrderRef
from shared.events.validation import DcvMethodChanged
from shared.ids import new_id
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import (
    NOW,
    authorized,
    ca_key,
    charged,
    csr,
    denied,
    eur,
    not_found_yet,
    rsa_key,
    submitted,
    validated,
    waiting,
)

NAMES = ("www.acme.example", "acme.example")


def place_command(acme: Company, **changes: Any) -> orders.PlaceOrder:
    facts = {
        "source": "shop", "account_id": acme.id, "division": {"id": acme.divisions["Main"], "name": "Main"},
        "product_name_id": "ssl_dv_geotrust", "term": {"years": 1}, "csr": csr(), "names": NAMES, "placed_by": "shop",
    }  # fmt: skip
    return orders.PlaceOrder.model_validate(facts | changes)


def proofs(acme: Company) -> list[Event]:
    return [validated(acme.id, name) for name in NAMES]


async def asked(world: World) -> list[dict[str, Any]]:
    return await world.said("orders", "authorize_issuance")


# ── everything there, in any order ───────────────────────────────────────────────────────────────────────────────────


async def test_when_payment_and_every_proof_are_there_validation_is_asked_once(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    await world.deliver("orders", validated(acme.id, "www.acme.example"))
    await world.deliver("orders", charged(acme.id, order_id))
    assert await asked(world) == []
    await world.deliver("orders", validated(acme.id, "acme.example"))

    (question,) = await asked(world)
    assert question["order"] == {"source": "issuary/orders", "id": order_id}
    assert question["request_id"] == (await acme.order(order_id))["requests"][0]["id"]
    assert question["names"] == list(NAMES)
    await world.deliver("orders", validated(acme.id, "acme.example"), charged(acme.id, order_id))
    assert len(await asked(world)) == 1


async def test_proofs_before_the_charge_ask_as_well(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    await world.deliver("orders", *proofs(acme), charged(acme.id, order_id))

    assert len(await asked(world)) == 1


async def test_an_order_that_needs_approval_asks_when_it_is_approved(world: World, acme: Company) -> None:
    order_id = (await acme.place("standard_user"))["id"]
    await world.deliver("orders", *proofs(acme), charged(acme.id, order_id))
    assert await asked(world) == []

    await world.deliver("orders", orders.ApproveOrder(source="shop", account_id=acme.id, order_id=order_id))

    assert len(await asked(world)) == 1


async def test_a_proof_serves_every_open_order_of_the_account_with_that_name(
    world: World, acme: Company, globex: Company
) -> None:
    mine = [(await acme.place())["id"] for _ in range(2)]
    theirs = (await globex.place())["id"]

    await world.deliver("orders", validated(acme.id, "acme.example"))

    for order_id in mine:
        names = (await acme.order(order_id))["facts"]["names"]
        assert ["usable_until" in name for name in names] == [False, True]
    assert all("usable_until" not in name for name in (await globex.order(theirs))["facts"]["names"])


async def test_a_wildcard_is_proven_by_the_name_it_stands_on(world: World, acme: Company) -> None:
    async with acme.client() as client:
        wildcard = {"common_name": "*.acme.example", "dns_names": ["acme.example"], "csr": csr()}
        sent = {"certificate": wildcard, "order_validity": {"years": 1}}
        answer = await client.post("/services/v2/order/certificate/wildcard_dv_geotrust", json=sent)
    order_id = answer.json()["id"]

    await world.deliver("orders", charged(acme.id, order_id), validated(acme.id, "acme.example"))

    assert (await asked(world))[0]["names"] == ["*.acme.example", "acme.example"]


# ── permission and issue ─────────────────────────────────────────────────────────────────────────────────────────────


async def ready(world: World, acme: Company) -> int:
    order_id: int = (await acme.place())["id"]
    await world.deliver("orders", *proofs(acme), charged(acme.id, order_id))
    return order_id


async def test_a_permission_is_told_and_the_worker_issues_before_it_ends(world: World, acme: Company) -> None:
    order_id = await ready(world, acme)
    permission = authorized(acme.id, order_id, NAMES)

    await world.deliver("orders", permission)

    (told,) = await world.said("orders", "order_ready_to_issue")
    assert (told["order_id"], told["causation_id"]) == (order_id, str(permission.id))
    assert datetime.fromisoformat(told["issue_before"]) == permission.issue_before
    assert await worker.issue_next(world.orders.db, TestCa(ca_key()))
    assert not await worker.issue_next(world.orders.db, TestCa(ca_key()))
    (issued,) = await world.said("orders", "certificate_issued")
    assert (issued["order_id"], issued["names"]) == (order_id, list(NAMES))
    shown = await acme.order(order_id)
    assert (shown["status"], shown["certificate"]["id"]) == ("issued", issued["certificate_id"])


async def test_nothing_is_issued_without_a_permission(world: World, acme: Company) -> None:
    await ready(world, acme)

    assert not await worker.issue_next(world.orders.db, TestCa(ca_key()))


async def test_a_canceled_order_is_not_issued(world: World, acme: Company) -> None:
    order_id = await ready(world, acme)
    await world.deliver("orders", authorized(acme.id, order_id, NAMES))
    await world.deliver("orders", orders.CancelOrder(account_id=acme.id, order_id=order_id, note="No longer needed"))

    assert not await worker.issue_next(world.orders.db, TestCa(ca_key()))
    assert await world.said("orders", "certificate_issued") == []


async def test_what_validation_said_of_caa_is_told_when_asked_for_and_only_while_the_order_waits(
    world: World, acme: Company
) -> None:
    order_id = await ready(world, acme)

    async def told(**asked: str) -> str | None:
        async with acme.client() as http:
            answer = await http.get(f"/services/v2/order/certificate/{order_id}", params=asked)
        assert answer.status_code == 200, answer.text
        said: str | None = answer.json().get("caa_status_message")
        return said

    assert await told(include_caa_status="true") is None
    until = datetime.now(UTC) + timedelta(days=150)
    warned = validated(acme.id, "acme.example", usable_until=until, caa_warning="Issuance would be stopped: no.")
    await world.deliver("orders", warned)
    assert await told() is None
    assert await told(include_caa_status="true") == "acme.example: Issuance would be stopped: no."

    refused = [{"name": "acme.example", "message": "The CAA record forbids it.", "code": "caa"}]
    await world.deliver("orders", denied(acme.id, order_id, "acme.example", refused=refused))
    assert await told(include_caa_status="true") == "acme.example: The CAA record forbids it."

    await world.deliver("orders", orders.CancelOrder(account_id=acme.id, order_id=order_id, note="No longer needed"))
    assert await told(include_caa_status="true") is None


async def test_a_denial_shows_its_sentence_and_new_evidence_asks_again(world: World, acme: Company) -> None:
    order_id = await ready(world, acme)

    await world.deliver("orders", denied(acme.id, order_id, "acme.example"))
    assert "denied_at" in (await acme.order(order_id))["facts"]
    assert len(await asked(world)) == 1
    newer = validated(acme.id, "acme.example", usable_until=datetime.now(UTC) + timedelta(days=150))
    await world.deliver("orders", newer)

    assert len(await asked(world)) == 2


async def test_a_silence_is_asked_about_again_after_an_hour(world: World, acme: Company) -> None:
    await ready(world, acme)
    await world.rows("orders", "UPDATE order_request SET ask_again_at = now() RETURNING id")

    await worker.ask_again(world.orders.db)

    assert len(await asked(world)) == 2


# ── what the page and the API show ───────────────────────────────────────────────────────────────────────────────────


async def test_the_record_to_publish_and_the_last_look_are_shown(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    await world.deliver("orders", submitted(acme.id, order_id, "acme.example"), not_found_yet(acme.id, "acme.example"))

    name = (await acme.order(order_id))["facts"]["names"][1]
    assert (name["record_name"], name["record_type"]) == ("_dnsauth.acme.example", "TXT")
    assert name["record_value"] == "k3v9" * 8
    assert name["problem"] == "no TXT record at _dnsauth.acme.example (NXDOMAIN)"


async def test_an_order_says_why_it_waits_for_money(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]

    await world.deliver("orders", waiting(acme.id, order_id))

    facts = (await acme.order(order_id))["facts"]
    assert facts["waiting_reason"] == "funds"
    assert facts["waiting_message"] == "The funds of Main are 17.81 EUR short; deposit them."


async def test_invoice_and_credit_note_are_shown_with_their_documents(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    document = {
        "account_id": acme.id, "occurred_at": NOW, "document_id": new_id(), "order": OrderRef(id=order_id),
        "division_id": 14, "account_name": "Acme Inc.", "issued_on": NOW.date(), "total": eur(11781), "size": 9000,
        "sha256": "0" * 64,
    }  # fmt: skip
    invoice = billing.InvoiceDocumentReady.model_validate(
        document | {"invoice_id": 40211, "number": "INV-2026-000140", "kind": "order", "due_on": NOW.date(),
                    "amount_due": eur(0), "path": "/services/v2/finance/invoice/40211/pdf"}
    )  # fmt: skip
    note = billing.CreditNoteIssued.model_validate(
        {"account_id": acme.id, "occurred_at": NOW, "credit_note_id": 50001, "number": "CN-2026-000007",
         "invoice_id": 40211, "invoice_number": "INV-2026-000140", "order": OrderRef(id=order_id), "division_id": 14,
         "issued_on": NOW.date(), "net": eur(9900), "tax": eur(1881), "total": eur(11781)}
    )  # fmt: skip
    note_document = billing.CreditNoteDocumentReady.model_validate(
        document | {"credit_note_id": 50001, "number": "CN-2026-000007", "invoice_number": "INV-2026-000140",
                    "path": "/services/v2/finance/credit-note/50001/pdf"}
    )  # fmt: skip

    await world.deliver("orders", note_document, note, invoice, charged(acme.id, order_id))

    shown = await acme.order(order_id)
    assert shown["facts"]["invoice"] == {
        "id": 40211,
        "number": "INV-2026-000140",
        "path": "/services/v2/finance/invoice/40211/pdf",
    }
    assert shown["facts"]["credit_note"]["path"] == "/services/v2/finance/credit-note/50001/pdf"
    assert (shown["price"], shown["receipt_id"], shown["currency"]) == (99, 11846, "EUR")


async def test_another_systems_order_with_our_number_is_left_alone(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    foreign = OrderRef(source="shop", id=order_id)

    await world.deliver(
        "orders", charged(acme.id, order_id, order=foreign), submitted(acme.id, order_id, "acme.example", order=foreign)
    )

    facts = (await acme.order(order_id))["facts"]
    assert "paid_at" not in facts
    assert "record_value" not in facts["names"][1]
    assert await world.parked("orders") == []


async def test_a_fact_about_an_order_that_never_was_is_parked_with_a_sentence(world: World, acme: Company) -> None:
    await world.deliver("orders", charged(acme.id, 999_999))

    (parked,) = await world.parked("orders")
    assert parked.error == "There is no certificate order 999999."


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_place_order_is_answered_by_order_placed_and_approved_at_once(world: World, acme: Company) -> None:
    command = place_command(acme)

    await world.deliver("orders", command)

    placed, submitted, approved = await world.said("orders", "order_placed", "request_submitted", "order_approved")
    assert placed["causation_id"] == command.told_id
    assert (placed["placed_by"], placed["names"]) == ("shop", list(NAMES))
    assert approved["order_id"] == placed["order_id"]
    told = {"request_id": placed["request_id"], "request_type": "new_request", "needs_approval": False}
    assert submitted | told == submitted


async def test_the_same_command_twice_places_one_order(world: World, acme: Company) -> None:
    command = place_command(acme)

    await world.deliver("orders", command, command)
    await world.deliver("orders", command)

    assert len(await world.said("orders", "order_placed")) == 1


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"product_name_id": "ssl_gold"}, "not_found|product", 'There is no product "ssl_gold"'),
        ({"csr": "x"}, "bad_request_format", "The CSR cannot be read"),
        ({"csr": csr(rsa_key(1024))}, "bad_request_format", "RSA key has 1024 bits"),
        ({"names": ["localhost"]}, "bad_request_format", '"localhost" cannot be on a certificate'),
        ({"dcv_method": "phone"}, "invalid_dcv_method", 'dcv_method "phone" is not offered'),
        ({"division": {"id": 999_999, "name": "Main"}}, "not_found|container", "There is no division 999999"),
        ({"account_id": 12_345}, "not_found|container", "in account 12345"),
    ],
)
async def test_a_refused_command_is_answered_with_the_code_and_sentence_of_http(
    world: World, acme: Company, changes: dict[str, Any], code: str, words: str
) -> None:
    command = place_command(acme, **changes)

    await world.deliver("orders", command)

    (answer,) = await world.said("orders", "command_refused")
    assert (answer["command_id"], answer["command_type"], answer["code"]) == (command.told_id, "place_order", code)
    assert words in answer["message"]
    assert await world.said("orders", "order_placed") == []
    assert await world.parked("orders") == []


async def test_orders_are_decided_by_command(world: World, acme: Company) -> None:
    first, second = [(await acme.place("standard_user"))["id"] for _ in range(2)]

    await world.deliver(
        "orders",
        orders.RejectOrder(account_id=acme.id, order_id=first, reason="Not one of our names"),
        orders.ApproveOrder(account_id=acme.id, order_id=second, approved_by="Mark Weber"),
        orders.CancelOrder(account_id=acme.id, order_id=second, note="No longer needed"),
    )

    said = await world.said("orders", "order_rejected", "order_approved", "order_cancelled")
    assert [(event["type"], event["order_id"]) for event in said] == [
        ("order_rejected", first),
        ("order_approved", second),
        ("order_cancelled", second),
    ]
    assert (said[0]["reason"], said[1]["approved_by"], said[2]["note"]) == (
        "Not one of our names",
        "Mark Weber",
        "No longer needed",
    )


async def test_a_decision_that_comes_too_late_is_refused_and_announces_nothing(world: World, acme: Company) -> None:
    order_id = (await acme.place())["id"]
    await world.deliver("orders", orders.CancelOrder(account_id=acme.id, order_id=order_id, note="Mistake"))

    await world.deliver("orders", orders.RejectOrder(account_id=acme.id, order_id=order_id, reason="Late"))

    (answer,) = await world.said("orders", "command_refused")
    assert answer["code"] == "invalid_state"
    assert answer["message"].startswith(f"Order {order_id} is canceled and can no longer be rejected")
    assert await world.said("orders", "order_rejected") == []


async def test_a_command_for_another_accounts_order_finds_none(world: World, acme: Company, globex: Company) -> None:
    order_id = (await acme.place())["id"]

    await world.deliver("orders", orders.CancelOrder(account_id=globex.id, order_id=order_id, note="Ours now"))

    (answer,) = await world.said("orders", "command_refused")
    assert answer["code"] == "not_found|order"
    assert (await acme.order(order_id))["status"] == "pending"


# ── a batch stays a batch ────────────────────────────────────────────────────────────────────────────────────────────


async def statements(world: World, *events: Event) -> int:
    counted: list[str] = []
    connection = world.orders.db.bind.sync_connection  # type: ignore[union-attr]

    def count(*args: Any) -> None:
        counted.append(args[2])

    sql_events.listen(connection, "before_cursor_execute", count)
    try:
        await world.deliver("orders", *events)
    finally:
        sql_events.remove(connection, "before_cursor_execute", count)
    return len(counted)


async def test_the_statements_of_a_chunk_do_not_grow_with_its_events(world: World, acme: Company) -> None:
    ids = [(await acme.place())["id"] for _ in range(12)]

    few = await statements(world, *[charged(acme.id, n) for n in ids[:2]])
    many = await statements(world, *[charged(acme.id, n) for n in ids[2:]])

    assert many == few


async def test_the_statements_of_placing_do_not_grow_with_the_commands(world: World, acme: Company) -> None:
    few = await statements(world, *[place_command(acme) for _ in range(2)])
    many = await statements(world, *[place_command(acme) for _ in range(10)])

    assert many == few


async def test_the_statements_of_proofs_do_not_grow_with_them(world: World, acme: Company) -> None:
    ids = [(await acme.place(certificate__dns_names=[f"h{n}.acme.example"]))["id"] for n in range(12)]
    await world.deliver("orders", *[charged(acme.id, n) for n in ids])

    few = await statements(world, *[validated(acme.id, f"h{n}.acme.example") for n in range(2)])
    many = await statements(world, *[validated(acme.id, f"h{n}.acme.example") for n in range(2, 12)])

    assert many == few


def terms(account_id: int, method: str, monthly: bool = False) -> billing.TermsChanged:
    told = {"occurred_at": NOW, "account_id": account_id, "purchase_orders_allowed": False, "changed_by": "ops"}
    return billing.TermsChanged.model_validate(told | {"default_payment_method": method, "monthly_billing": monthly})


async def test_an_order_that_names_no_payment_method_gets_the_one_of_the_accounts_terms(
    world: World, acme: Company
) -> None:
    await world.deliver("orders", terms(acme.id, "wire_transfer"))
    assert await default_method(world, acme) == "wire_transfer"

    await acme.place(payment_method=None)

    [said] = await world.said("orders", "order_placed")
    assert said["payment"]["method"] == "balance"  # the transfer arrives there


async def test_where_monthly_billing_is_agreed_an_order_goes_on_account_by_its_word_or_by_default(
    world: World, acme: Company
) -> None:
    await world.deliver("orders", terms(acme.id, "balance", monthly=True))
    await acme.place(payment_method="on_account")
    await world.deliver("orders", terms(acme.id, "on_account", monthly=True))
    await acme.place(payment_method=None)
    await acme.place(payment_method="balance")

    said = await world.said("orders", "order_placed")
    assert [event["payment"]["method"] for event in said] == ["on_account", "on_account", "balance"]


async def test_terms_of_a_customer_of_another_system_are_nothing_to_us(world: World, acme: Company) -> None:
    await world.deliver("orders", terms(2**30 + 7, "wire_transfer"), terms(acme.id, "other"))

    assert await world.parked("orders") == []
    assert await default_method(world, acme) == "balance"


async def default_method(world: World, company: Company) -> str:
    query = "SELECT default_payment_method FROM account WHERE id = :id"
    [row] = await world.rows("orders", query, id=company.id)
    return str(row.default_payment_method)


async def test_a_domain_changed_by_itself_gives_every_order_that_waits_for_it_the_new_record(
    world: World, acme: Company
) -> None:
    """What was to be published before is dead for them too; a name that is proven keeps what it has."""
    first, second = (await acme.place())["id"], (await acme.place())["id"]
    await world.deliver(
        "orders", submitted(acme.id, first, "acme.example"), submitted(acme.id, second, "acme.example"),
        submitted(acme.id, first, "www.acme.example"), validated(acme.id, "www.acme.example"),
    )  # fmt: skip
    changed = DcvMethodChanged(
        account_id=acme.id, occurred_at=NOW, domain_id=7001, name="acme.example", method_before="dns-txt-token",
        method="dns-cname-token", record_name="_dnsauth.acme.example", record_type="CNAME",
        record_value="n3w.dcv.ca.example", expires_at=NOW, changed_by="ann@acme.example",
    )  # fmt: skip
    await world.deliver(
        "orders", changed, submitted(acme.id, first, "www.acme.example", order=None, record_value="later")
    )

    rows = await world.rows(
        "orders", "SELECT order_id, name, record_type, record_value FROM request_name ORDER BY 1, 2"
    )
    shown = {(row.order_id, row.name): (row.record_type, row.record_value) for row in rows}
    assert shown[first, "acme.example"] == shown[second, "acme.example"] == ("CNAME", "n3w.dcv.ca.example")
    assert shown[first, "www.acme.example"] == ("TXT", "k3v9" * 8)
    assert await world.parked("orders") == []
