from decimal import Decimal
from typing import Any
from uuid import uuid4

from demo import orders
from demo.certificates import KeyPair, new_key_pair
from demo.failure import must
from demo.stage import Outcome, Stage

DEPOSIT = Decimal("850.00")  # what this act and the next ones spend before orders are to wait


async def play(stage: Stage) -> None:
    names, pair = (stage.name("www"), stage.name("shop")), new_key_pair()
    await deposit(stage, DEPOSIT)
    placed = await place_twice(stage, orders.body(stage, names, pair))
    order_id = placed["id"]
    async with stage.show.step("Billing charges it and issues the invoice in one transaction") as line:
        charge = await orders.charged(stage, order_id)
        balance = await stage.purse.changed_by(-orders.money(charge["total"]))
        line.text = f"Charged {orders.money(charge['total'])} EUR, {charge['invoice_number']}; {balance.balance} left"
    async with stage.show.step("The TXT records are published, validation looks them up"):
        await orders.publish(stage, order_id, names)
        await orders.proven(stage, stage.run.account_id, names)
    serial = await certificate(stage, order_id, pair, names)
    number = await papers(stage, order_id)
    stage.addresses.append(("order page", f"{stage.run.console}/orders/{order_id}"))
    total = f"{orders.money(charge['total'])} EUR"
    stage.outcomes.append(Outcome("by HTTP", str(order_id), total, number, serial))


async def deposit(stage: Stage, amount: Decimal) -> None:
    async with stage.show.step(f"An operator records a deposit of {amount} EUR") as line:
        await stage.purse.look()
        answer = await stage.operator.post(
            "/services/v2/finance/deposit",
            json={
                "container_id": stage.run.division_id,
                "amount": str(amount),
                "reference": f"demo {stage.mark} {amount}",
            },
            headers={"Idempotency-Key": str(uuid4())},
        )
        must(answer.status_code == 201, f"The deposit was answered with {answer.status_code}: {answer.text[:300]}")
        balance = await stage.purse.changed_by(amount)
        line.text = f"An operator records a deposit of {amount} EUR; available are {balance.available} EUR"


async def place_twice(stage: Stage, body: dict[str, Any]) -> dict[str, Any]:
    """The same Idempotency-Key brings the same answer and no second order; with another order it is refused."""
    key = str(uuid4())
    async with stage.show.step("POST /order/certificate with a CSR and two names") as line:
        placed = await orders.place(stage.customer, body, key)
        line.text = f"POST /order/certificate with a CSR and two names: order {placed['id']}"
    async with stage.show.step("Sent again with its Idempotency-Key: the same order"):
        again = await orders.place(stage.customer, body, key)
        must(again == placed, f"The repeated request was answered with {again}, the first one with {placed}.")
        other = body | {"order_validity": {"years": 2}}
        refused = await stage.customer.post(
            f"{orders.ORDERS}/{orders.PRODUCT}", json=other, headers={"Idempotency-Key": key}
        )
        must(refused.status_code == 409, f"Another order under the same key was answered {refused.status_code}.")
    return placed


async def certificate(stage: Stage, order_id: int, pair: KeyPair, names: tuple[str, ...]) -> str:
    async with stage.show.step("The certificate is issued, downloaded and verified") as line:
        serial = await orders.download(stage, order_id, pair, names)
        line.text = f"Certificate {serial[:16]}… issued; chain, names and key are right"
    return serial


async def papers(stage: Stage, order_id: int) -> str:
    async with stage.show.step("The invoice is rendered, stored and mailed") as line:
        pdf = await orders.invoice(stage, order_id)
        recipient, mail = await orders.mailed(stage, pdf)
        line.text = f"Invoice {pdf.number} mailed to {recipient}, the PDF attached byte for byte"
    stage.addresses += [("invoice", f"{stage.run.console}{pdf.path}"), ("its mail", mail)]
    return pdf.number
