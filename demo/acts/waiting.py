from dataclasses import dataclass
from decimal import Decimal

from demo import orders
from demo.acts.by_http import certificate
from demo.acts.cancelling import cancel
from demo.certificates import KeyPair, new_key_pair
from demo.failure import Failed, must
from demo.stage import Outcome, Stage
from demo.wire import of_order

FIRST_NAME, FURTHER_NAME = Decimal("149.00"), Decimal("49.00")  # docs/catalogue.toml
MOST_NAMES = 250


@dataclass(frozen=True)
class Waiting:
    order_id: int
    names: tuple[str, ...]
    pair: KeyPair
    total: Decimal


async def play(stage: Stage) -> None:
    """Three orders that the funds do not cover, then money for two: the two oldest are charged, the third waits on."""
    first, second, third = [await wait(stage, n) for n in range(3)]
    await deposit_for(stage, (first, second))
    async with stage.show.step(f"Order {third.order_id} still waits, and nothing was charged for it") as line:
        told = (await orders.info(stage, third.order_id))["facts"]
        must(told.get("waiting_reason") == "funds", f"Order {third.order_id} does not wait for funds: {told}")
        line.text = f"Order {third.order_id} still waits, and says how much is missing"
    await release(stage, third)
    for order in (first, second):
        await orders.publish(stage, order.order_id, order.names)
        charge = await orders.charged(stage, order.order_id)
        serial = await certificate(stage, order.order_id, order.pair, order.names)
        row = Outcome("waited", str(order.order_id), f"{order.total} EUR", charge["invoice_number"], serial)
        stage.outcomes.append(row)


async def wait(stage: Stage, number: int) -> Waiting:
    balance = await stage.purse.look()
    names = tuple(stage.name(f"w{number}-{n}") for n in range(names_beyond(balance.available)))
    pair = new_key_pair()
    async with stage.show.step("An order beyond the funds is placed") as line:
        placed = await orders.place(stage.customer, orders.body(stage, names, pair))
        about = of_order(orders.OURS, placed["id"])
        waiting = await stage.wire.hear("order_waiting", about, "An order beyond the funds")
        must(waiting["reason"] == "funds", f"It waits for {waiting['reason']}, not for funds: {waiting['message']}")
        await stage.purse.changed_by(Decimal(0))
        total, missing = orders.money(waiting["total"]), orders.money(waiting["shortfall"])
        must(
            missing == total - balance.available, f"{missing} is said to be missing, it is {total - balance.available}."
        )
        line.text = f"Order {placed['id']} over {total} EUR waits: {missing} EUR are missing"
    return Waiting(placed["id"], names, pair, total)


def names_beyond(available: Decimal) -> int:
    """How many names cost more than there is."""
    count = 1 if available < FIRST_NAME else 2 + int((available - FIRST_NAME) // FURTHER_NAME)
    if count > MOST_NAMES:
        raise Failed(f"The demo account has {available} EUR, more than one order can cost; `make reset` empties it.")
    return count


async def deposit_for(stage: Stage, waiting: tuple[Waiting, Waiting]) -> None:
    """Exactly what the two oldest need: they are charged by themselves, the older one first."""
    before = await stage.purse.look()
    amount = sum((order.total for order in waiting), Decimal(0)) - before.available
    async with stage.show.step(f"A deposit of {amount} EUR, enough for the two oldest") as line:
        answer = await stage.operator.post(
            "/services/v2/finance/deposit",
            json={"container_id": stage.run.division_id, "amount": str(amount), "reference": f"demo {stage.mark} two"},
        )
        must(answer.status_code == 201, f"The deposit was answered with {answer.status_code}: {answer.text[:300]}")
        older, younger = [await orders.charged(stage, order.order_id) for order in waiting]
        must(
            older["invoice_number"] < younger["invoice_number"],
            f"The older order got invoice {older['invoice_number']}, the younger one {younger['invoice_number']}.",
        )
        balance = await stage.purse.changed_by(-before.available)
        numbers = f"{older['invoice_number']}, then {younger['invoice_number']}"
        line.text = f"A deposit of {amount} EUR releases the two oldest: {numbers}; {balance.balance} left"


async def release(stage: Stage, order: Waiting) -> None:
    """Cancelled while it waits: nothing was charged, so there is no document and no money moves."""
    async with stage.show.step(f"Order {order.order_id} is cancelled: released, without a document") as line:
        await cancel(stage, order.order_id, "Too late")
        await orders.released(stage, order.order_id)
        await stage.purse.changed_by(Decimal(0))
        noted = stage.wire.said("credit_note_issued", of_order(orders.OURS, order.order_id))
        must(not noted, "A credit note was issued for an order that was never charged.")
        line.text = f"Order {order.order_id} is cancelled: released, no document, no money moved"
    stage.outcomes.append(Outcome("released", str(order.order_id), "0.00 EUR", "none"))
