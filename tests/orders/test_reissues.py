"""POST …/reissue and …/duplicate: what is taken, what it costs, what becomes of the order."""

import asyncio
from typing import Any

import pytest

from shared.events import billing
from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.makers import NOW, charged, csr, eur, rsa_key, waiting
from tests.orders.playing import NAMES, ORDERS, ask, issue, issued, refusal, reissue

MORE = {"common_name": "www.acme.example", "dns_names": ["acme.example", "shop.acme.example"]}


async def test_a_reissue_replaces_the_orders_certificate(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    new_csr = csr(rsa_key())

    answer = await reissue(acme, order["id"], certificate={"csr": new_csr}, comments="A new key", skip_approval=True)
    pending = await acme.order(order["id"])
    await issue(world, acme, order["id"], request_id=answer["requests"][0]["id"])
    done = await acme.order(order["id"])

    assert (answer["id"], answer["requests"][0]["status"]) == (order["id"], "approved")
    assert len(answer["dcv_random_value"]) == 32
    assert answer["dcv_random_value"] != order["dcv_random_value"]
    assert (pending["status"], pending["certificate"]["id"]) == ("reissue_pending", order["certificate"]["id"])
    assert (done["status"], done["reissues_count"], done["certificate"]["csr"]) == ("issued", 1, new_csr)
    assert done["certificate"]["id"] > order["certificate"]["id"]
    assert [each["type"] for each in done["requests"]] == ["new_request", "reissue"]
    assert done["requests"][1]["certificate_id"] == done["certificate"]["id"]
    assert done["date_issued"] == order["date_issued"]
    assert done["order_valid_till"] == order["order_valid_till"]


async def test_a_reissue_is_announced_with_its_names_and_value_for_validation(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    answer = await reissue(acme, order["id"], certificate={"common_name": "shop.acme.example",
                                                           "dns_names": ["acme.example"]})  # fmt: skip

    said = (await world.said("orders", "request_submitted"))[-1]
    assert said["request_id"] == answer["requests"][0]["id"]
    assert (said["request_type"], said["names"]) == ("reissue", ["shop.acme.example", "acme.example"])
    assert (said["dcv_method"], said["dcv_random_value"]) == ("dns-txt-token", answer["dcv_random_value"])
    assert (said["product_name_id"], said["needs_approval"]) == ("ssl_dv_geotrust", False)
    assert await world.said("orders", "order_names_added") == []


async def test_each_certificate_is_delivered_under_its_own_id_and_listed(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    answer = await reissue(acme, order["id"])
    await issue(world, acme, order["id"], request_id=answer["requests"][0]["id"])
    twin = await ask(
        acme, "POST", f"/order/certificate/{order['id']}/duplicate", {"certificate": {"csr": csr(rsa_key())}}
    )
    await issue(world, acme, order["id"], request_id=twin.json()["requests"][0]["id"])
    done = await acme.order(order["id"])

    [again] = (await ask(acme, "GET", f"/order/certificate/{order['id']}/reissue")).json()["certificates"]
    [copy] = (await ask(acme, "GET", f"/order/certificate/{order['id']}/duplicate")).json()["certificates"]

    assert again["id"] == done["certificate"]["id"]
    assert (copy["sub_id"], copy["dns_names"], copy["key_size"]) == ("001", list(NAMES), 2048)
    assert (copy["status"], copy["id"] not in (again["id"], order["certificate"]["id"])) == ("issued", True)
    assert (done["status"], done["duplicates_count"], done["has_duplicates"]) == ("issued", 1, True)
    said = await world.said("orders", "certificate_issued")
    assert [event["request_id"] for event in said] == [each["id"] for each in done["requests"]]
    for each in said:
        path = f"/certificate/{each['certificate_id']}/download/format/pem_all"
        assert (await ask(acme, "GET", path)).text.startswith(each["pem"])


async def test_a_duplicate_under_way_leaves_the_order_issued(world: World, acme: Company) -> None:
    order = await issued(world, acme)

    answer = await ask(acme, "POST", f"/order/certificate/{order['id']}/duplicate", {})

    assert answer.status_code == 201
    assert (await acme.order(order["id"]))["status"] == "issued"


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_names_in_place_of_others_are_free(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    names = ("shop.acme.example", "blog.acme.example")
    answer = await reissue(acme, order["id"], certificate={"common_name": names[0], "dns_names": [names[1]]})

    await issue(world, acme, order["id"], names, answer["requests"][0]["id"])

    assert await world.said("orders", "order_names_added") == []
    assert (await acme.order(order["id"]))["certificate"]["dns_names"] == list(names)


async def test_more_names_are_announced_and_wait_until_they_are_charged(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    answer = await reissue(acme, order["id"], certificate=MORE)
    names, request_id = (*NAMES, "shop.acme.example"), answer["requests"][0]["id"]

    [added] = await world.said("orders", "order_names_added")
    assert (added["request_id"], added["names"], added["added"]) == (request_id, list(names), ["shop.acme.example"])
    assert (added["starts_on"], added["term_ends_on"]) == (order["date_issued"][:10], order["order_valid_till"])
    assert answer["names_added"] == ["shop.acme.example"]
    asked = len(await world.said("orders", "authorize_issuance"))
    await world.deliver("orders", waiting(acme.id, order["id"], request_id=request_id))
    await issue(world, acme, order["id"], names, request_id)
    assert len(await world.said("orders", "authorize_issuance")) == asked
    assert (await acme.order(order["id"]))["status"] == "reissue_pending"

    await world.deliver("orders", charged(acme.id, order["id"], request_id=request_id, invoice_id=5, receipt_id=6))
    assert len(await world.said("orders", "authorize_issuance")) == asked + 1
    await issue(world, acme, order["id"], names, request_id)

    done = await acme.order(order["id"])
    assert (done["status"], done["certificate"]["dns_names"]) == ("issued", list(names))
    assert (done["receipt_id"], done["facts"]["invoice"]) == (order["receipt_id"], order["facts"]["invoice"])
    await reissue(acme, order["id"], certificate=MORE)  # paid now
    assert len(await world.said("orders", "order_names_added")) == 1


async def test_names_on_account_go_on_as_if_they_were_paid(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    answer = await reissue(acme, order["id"], certificate=MORE)
    names, request_id = (*NAMES, "shop.acme.example"), answer["requests"][0]["id"]
    told = charged(acme.id, order["id"], request_id=request_id).model_dump(
        exclude={"type", "id", "source", "receipt_id", "invoice_id", "invoice_number"}
    )

    await world.deliver("orders", billing.OrderOnAccount.model_validate(told))
    await issue(world, acme, order["id"], names, request_id)

    assert (await acme.order(order["id"]))["certificate"]["dns_names"] == list(names)


async def test_the_invoice_and_credit_note_of_added_names_are_not_those_of_the_order(
    world: World, acme: Company
) -> None:
    order = await issued(world, acme)
    request_id = (await reissue(acme, order["id"], certificate=MORE))["requests"][0]["id"]
    told = {
        "account_id": acme.id, "occurred_at": NOW, "order": {"id": order["id"]}, "request_id": request_id,
        "division_id": 14, "issued_on": NOW.date(), "net": eur(1), "tax": eur(0), "total": eur(1),
    }  # fmt: skip
    invoice = {"invoice_id": 5, "number": "INV-5", "kind": "order", "due_on": NOW.date(), "amount_due": eur(0)}

    await world.deliver("orders", billing.InvoiceIssued.model_validate(told | invoice))

    assert (await acme.order(order["id"]))["facts"]["invoice"] == order["facts"]["invoice"]


# ── cancelling ───────────────────────────────────────────────────────────────────────────────────────────────────────


def status_of(order_id: int, note: str | None = "Not needed") -> tuple[str, str, dict[str, Any]]:
    sent = {"status": "CANCELED"} | ({"note": note} if note else {})
    return "PUT", f"/order/certificate/{order_id}/status", sent


async def test_canceling_a_reissue_gives_the_order_back_as_it_was(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    request_id = (await reissue(acme, order["id"], certificate=MORE))["requests"][0]["id"]

    canceled = await ask(acme, *status_of(order["id"]))
    again = await ask(acme, *status_of(order["id"]))

    assert (canceled.status_code, canceled.content) == (204, b"")
    shown = await acme.order(order["id"])
    assert (shown["status"], shown["certificate"]["id"]) == ("issued", order["certificate"]["id"])
    request = (await ask(acme, "GET", f"/request/{request_id}")).json()
    assert (request["status"], request["processor_comment"]) == ("rejected", "Not needed")
    [said] = await world.said("orders", "reissue_cancelled")
    assert (said["request_id"], said["note"], said["cancelled_by"]) == (request_id, "Not needed", "Ann administrator")
    assert await world.said("orders", "order_cancelled") == []
    assert refusal(again)[:2] == (400, "invalid_state")
    assert f"Order {order['id']} is issued and can no longer be canceled" in refusal(again)[2]


async def test_a_canceled_reissue_is_not_issued_and_the_next_one_may_be(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    request_id = (await reissue(acme, order["id"]))["requests"][0]["id"]
    await ask(acme, *status_of(order["id"]))

    await issue(world, acme, order["id"], request_id=request_id)
    assert (await acme.order(order["id"]))["reissues_count"] == 0
    again = (await reissue(acme, order["id"]))["requests"][0]["id"]
    await issue(world, acme, order["id"], request_id=again)

    assert (await acme.order(order["id"]))["reissues_count"] == 1


async def test_a_reissue_is_canceled_with_a_note_only(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    await reissue(acme, order["id"])

    answer = await ask(acme, *status_of(order["id"], None))

    assert "Say why the reissue is canceled" in refusal(answer)[2]


async def test_what_billing_gives_back_of_a_canceled_reissue_is_history(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    request_id = (await reissue(acme, order["id"], certificate=MORE))["requests"][0]["id"]
    await ask(acme, *status_of(order["id"]))
    released = billing.OrderReleased(
        account_id=acme.id, occurred_at=NOW, order={"id": order["id"]}, request_id=request_id, division_id=14,
        message="Nothing was charged for the names added.",
    )  # fmt: skip

    await world.deliver("orders", released)

    assert "released_at" not in (await acme.order(order["id"]))["facts"]
    rows = await world.rows("orders", "SELECT sentence FROM timeline_entry WHERE who = 'Billing' ORDER BY id")
    assert rows[-1].sentence == "Nothing was charged for the names added."


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["reissue", "duplicate"])
async def test_a_pending_or_canceled_order_is_neither_reissued_nor_duplicated(
    world: World, acme: Company, what: str
) -> None:
    order_id = (await acme.place())["id"]
    pending = await ask(acme, "POST", f"/order/certificate/{order_id}/{what}", {})
    await ask(acme, *status_of(order_id))
    canceled = await ask(acme, "POST", f"/order/certificate/{order_id}/{what}", {})

    for state, answer in (("pending", pending), ("canceled", canceled)):
        assert refusal(answer)[:2] == (400, "invalid_state")
        assert refusal(answer)[2].startswith(f"Order {order_id} is {state} and cannot be {what}")


async def test_an_order_is_reissued_by_one_request_at_a_time(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    request_id = (await reissue(acme, order["id"]))["requests"][0]["id"]

    again = await ask(acme, "POST", f"/order/certificate/{order['id']}/reissue", {})
    twin = await ask(acme, "POST", f"/order/certificate/{order['id']}/duplicate", {})

    assert f"being reissued already, by request {request_id}; wait for its certificate, or cancel" in refusal(again)[2]
    assert "duplicate it when that is done" in refusal(twin)[2]


async def test_an_order_whose_term_is_over_is_renewed_instead(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    await world.rows("orders", "UPDATE certificate_order SET valid_till = '2026-01-01' RETURNING 1")

    answer = await ask(acme, "POST", f"/order/certificate/{order['id']}/reissue", {})

    assert refusal(answer)[2] == f"Order {order['id']} ended on 2026-01-01; renew it with a new order."


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({"csr": "x"}, "The CSR cannot be read"),
        ({"common_name": "*.acme.example"}, "takes no wildcard names"),
        ({"cert_validity": {"days": 300}}, "cert_validity is 300 days"),
        ({"signature_hash": "md5"}, 'signature_hash "md5" is not offered'),
    ],
)
async def test_a_bad_reissue_is_400_and_leaves_the_order_alone(
    world: World, acme: Company, certificate: dict[str, Any], words: str
) -> None:
    order = await issued(world, acme)

    answer = await ask(acme, "POST", f"/order/certificate/{order['id']}/reissue", {"certificate": certificate})

    assert refusal(answer)[0] == 400
    assert words in refusal(answer)[2]
    assert (await acme.order(order["id"]))["status"] == "issued"


async def test_who_may_not_see_or_order_may_not_reissue(world: World, acme: Company, globex: Company) -> None:
    order = await issued(world, acme)
    path = f"/order/certificate/{order['id']}"

    for what in ("reissue", "duplicate"):
        assert (await ask(globex, "POST", f"{path}/{what}", {})).status_code == 404
        assert (await ask(globex, "GET", f"{path}/{what}")).status_code == 404
        assert (await ask(acme, "POST", f"{path}/{what}", {}, "finance_manager")).status_code == 403
        assert (await ask(acme, "POST", f"{path}/{what}", {}, "limited_user")).status_code == 404


async def test_a_repeated_reissue_with_its_key_is_answered_again(world: World, acme: Company) -> None:
    order = await issued(world, acme)
    async with acme.client(**{"Idempotency-Key": "r-1"}) as client:
        first, second = [await client.post(f"{ORDERS}/{order['id']}/reissue", json={}) for _ in range(2)]

    assert first.json() == second.json()
    assert (await acme.order(order["id"]))["status"] == "reissue_pending"


async def test_limits_of_time_are_not_waited_for_without_proof(acme: Company) -> None:
    app = acme.world.orders.app
    usual = app.state.settings
    app.state.settings = usual.model_copy(update={"answer_within": 10.0})
    try:
        await asyncio.wait_for(acme.place(skip_approval=True), 8)
    finally:
        app.state.settings = usual
