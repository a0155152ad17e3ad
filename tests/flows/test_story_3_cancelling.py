"""Story 3: cancelled or rejected, the money comes back with a credit note, or nothing was charged or made."""

import hashlib

import pytest

from shared.events.orders import RejectOrder
from tests.flows.conftest import COSTS, ORDER, Town, pdf_of


async def cancel(town: Town, order: int) -> int:
    async with town.client() as http:
        answer = await http.put(f"{ORDER}/{order}/status", json={"status": "CANCELED", "note": "Ordered twice"})
    return int(answer.status_code)


async def credit_note_of(town: Town, order: int) -> bytes:
    async with town.client() as http:
        answer = await http.get(f"/services/v2/finance/order/{order}/credit-note/pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return bytes(answer.content)


async def test_a_cancelled_order_brings_a_credit_note_by_mail_and_the_money_back(town: Town) -> None:
    await town.pay(50_000)
    order = await town.order("standard_user")  # waits for approval, so it is not issued meanwhile
    await town.settle()
    assert await town.balance() == f"{(50_000 - COSTS) / 100:.2f}"

    assert await cancel(town, order) == 204
    await town.settle()

    assert await town.balance() == "500.00"
    [ready] = await town.said("billing", "credit_note_document_ready")
    invoice_mail, note_mail = town.mails("ap@acme.example")
    assert ready["number"] in note_mail["Subject"]
    assert hashlib.sha256(pdf_of(note_mail)).hexdigest() == ready["sha256"]
    assert pdf_of(note_mail) == await credit_note_of(town, order)
    assert pdf_of(invoice_mail) != pdf_of(note_mail)
    await town.in_order()


async def test_an_order_that_its_approver_rejects_brings_the_money_back_too(town: Town) -> None:
    await town.pay(50_000)
    order = await town.order("standard_user")
    await town.settle()

    town.tell(RejectOrder(source="desk", account_id=town.account, order_id=order, rejected_by="Max", reason="No need"))
    await town.settle()

    [note] = await town.said("billing", "credit_note_issued")
    assert note["total"]["amount"] == COSTS
    assert await town.balance() == "500.00"
    assert (await credit_note_of(town, order)).startswith(b"%PDF")
    await town.in_order()


@pytest.mark.parametrize("paid_later", [False, True])
async def test_a_waiting_order_that_is_cancelled_is_released_without_a_document(town: Town, paid_later: bool) -> None:
    order = await town.order("standard_user")
    await town.settle()

    assert await cancel(town, order) == 204
    await town.settle()
    if paid_later:
        await town.pay(50_000)
        await town.settle()

    [released] = await town.said("billing", "order_released")
    assert released["order"]["id"] == order
    assert await town.said("billing", "order_charged", "credit_note_issued") == []
    assert town.mails("ap@acme.example") == []
    async with town.client() as http:
        answer = await http.get(f"/services/v2/finance/order/{order}/credit-note/pdf")
    assert answer.status_code == 404
    await town.in_order()
