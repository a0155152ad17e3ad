from demo import orders
from demo.acts.by_http import certificate
from demo.certificates import new_key_pair
from demo.stage import Outcome, Stage
from demo.wire import answers


async def play(stage: Stage) -> None:
    proven, new = stage.name("www"), stage.name("mail")
    names, pair = (proven, new), new_key_pair()
    command = {
        "division": {"id": stage.run.division_id, "name": "Main"},
        "product_name_id": orders.PRODUCT,
        "term": {"years": 1},
        "names": list(names),
        "csr": pair.csr(names),
        "placed_by": "demo",
    }
    async with stage.show.step("place_order on orders.commands.v1, answered by order_placed") as line:
        told = await stage.wire.publish(
            "orders.commands.v1", "place_order", stage.run.account_id, source="demo", **command
        )
        placed = await stage.wire.hear("order_placed", answers(told), "The answer to place_order")
        order_id = placed["order_id"]
        line.text = f"place_order on orders.commands.v1, answered by order_placed: order {order_id}"
    async with stage.show.step("Billing charges it") as line:
        charge = await orders.charged(stage, order_id)
        balance = await stage.purse.changed_by(-orders.money(charge["total"]))
        line.text = f"Charged {orders.money(charge['total'])} EUR, {charge['invoice_number']}; {balance.balance} left"
    async with stage.show.step(f"Only {new} needs a record: the other name was proven before"):
        await orders.publish(stage, order_id, (new,))
        await orders.proven(stage, stage.run.account_id, names)
    serial = await certificate(stage, order_id, pair, names)
    total = f"{orders.money(charge['total'])} EUR"
    stage.outcomes.append(Outcome("by place_order", str(order_id), total, charge["invoice_number"], serial))
