"""A shop that brings its own customers: billing and validation serve its order, orders leaves it alone."""

import time
from datetime import UTC, datetime
from typing import Any

from demo import orders
from demo.failure import must
from demo.stage import Outcome, Stage
from demo.wire import Fact, answers, of_order

SOURCE = "shop"
FIRST_FOREIGN_ID = 2**30  # Issuary never gives out ids from here on


async def play(stage: Stage) -> None:
    account_id = FIRST_FOREIGN_ID + int(time.time()) % FIRST_FOREIGN_ID
    order_id = 1 + int(time.time()) % (FIRST_FOREIGN_ID - 1)
    names = (f"www.beispiel-{stage.mark}.example", f"api.beispiel-{stage.mark}.example")
    async with stage.show.step("order_placed with source “shop”, without money: it waits") as line:
        told = order_placed(account_id, order_id, names)
        await stage.wire.publish("orders.events.v1", "order_placed", account_id, **told)
        waiting = await stage.wire.hear("order_waiting", of_order(SOURCE, order_id), "The shop's order")
        must(waiting["reason"] == "funds", f"The shop's order waits for {waiting['reason']}: {waiting['message']}")
        line.text = f"order_placed with source “shop”: order shop:{order_id} waits for {text(waiting['shortfall'])}"
    charge = await pay(stage, account_id, order_id, waiting["shortfall"])
    async with stage.show.step("Its names are proven"):
        await orders.publish(stage, order_id, names, SOURCE)
        await orders.proven(stage, account_id, names)
    await permission(stage, account_id, order_id, names)
    async with stage.show.step("Its invoice is rendered and mailed") as line:
        pdf = await orders.invoice(stage, order_id, SOURCE)
        recipient, _ = await orders.mailed(stage, pdf)
        line.text = f"Invoice {pdf.number} mailed to {recipient}, the PDF attached byte for byte"
    async with stage.show.step("Orders neither adopts nor issues it"):
        await left_alone(stage, account_id, order_id)
    stage.outcomes.append(Outcome("of the shop", f"shop:{order_id}", text(charge["total"]), pdf.number, "the shop's"))


def text(money: dict[str, Any]) -> str:
    return f"{orders.money(money)} {money['currency']}"


def order_placed(account_id: int, order_id: int, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "source": SOURCE,
        "account": {
            "id": account_id,
            "name": "Beispiel Hosting GmbH",
            "address": {"line1": "Beispielstraße 5", "postcode": "10115", "city": "Berlin", "country": "DE"},
            "currency": "EUR",
            "billing_emails": ["buchhaltung@beispiel.example"],
        },
        "division": {"id": account_id, "name": "Main"},
        "order_id": order_id,
        "product_name_id": orders.PRODUCT,
        "term": {"years": 1},
        "names": names,
        "payment": {"method": "balance"},
        "placed_by": SOURCE,
        "placed_at": datetime.now(UTC).isoformat(),
    }


async def pay(stage: Stage, account_id: int, order_id: int, shortfall: dict[str, Any]) -> Fact:
    async with stage.show.step("deposit_funds on billing.commands.v1 pays it") as line:
        command = await stage.wire.publish(
            "billing.commands.v1", "deposit_funds", account_id,
            source="bank feed", division_id=account_id, amount=shortfall, reference=f"transfer {stage.mark}",
        )  # fmt: skip
        await stage.wire.hear("payment_settled", answers(command), "The answer to deposit_funds")
        charge = await orders.charged(stage, order_id, SOURCE)
        line.text = (
            f"deposit_funds on billing.commands.v1: charged {text(charge['total'])}, {text(charge['tax'])} of it VAT"
        )
    return charge


async def permission(stage: Stage, account_id: int, order_id: int, names: tuple[str, ...]) -> None:
    """News of proof is no permission; a CA of the shop's own asks before it issues."""
    async with stage.show.step("authorize_issuance on validation.commands.v1") as line:
        order = {"source": SOURCE, "id": order_id}
        asked = await stage.wire.publish(
            "validation.commands.v1", "authorize_issuance", account_id, source=SOURCE, order=order, names=names
        )
        permitted = await stage.wire.hear("issuance_authorized", answers(asked), "The permission to issue")
        until = permitted["issue_before"][:16].replace("T", " ")
        line.text = f"authorize_issuance on validation.commands.v1: the shop may issue before {until} UTC"


async def left_alone(stage: Stage, account_id: int, order_id: int) -> None:
    answer = await stage.operator.get(f"{orders.ORDERS}/{order_id}")
    must(answer.status_code == 404, f"Orders knows an order {order_id}; it was to leave the shop's alone.")
    for type in ("order_ready_to_issue", "certificate_issued", "order_approved"):
        about = stage.wire.said(type, lambda fact: bool(fact["account_id"] == account_id))
        must(not about, f"Orders said {type} about an order of the shop.")
