from demo import orders, pages
from demo.acts.by_http import certificate
from demo.certificates import new_key_pair
from demo.failure import must
from demo.stage import Outcome, Stage, client

LABELS = ("team", "blog")


async def play(stage: Stage) -> None:
    """Orders of a limited user wait for a manager: one is approved with the button, one by another system."""
    for label, approve in zip(LABELS, (by_button, by_command), strict=True):
        name, pair = stage.name(label), new_key_pair()
        async with stage.show.step("A limited user orders") as line:
            async with client(stage.run, key=stage.run.keys["limited_user"]) as limited:
                placed = await orders.place(limited, orders.body(stage, (name,), pair))
            status = placed["requests"][0]["status"]
            must(status == "pending", f"The request of a limited user is {status}, it should be pending.")
            line.text = f"A limited user orders: order {placed['id']}, request pending"
        charge = await orders.charged(stage, placed["id"])
        await stage.purse.changed_by(-orders.money(charge["total"]))
        async with stage.show.step("Its name is proven, and still nothing is issued"):
            await orders.publish(stage, placed["id"], (name,))
            await orders.proven(stage, stage.run.account_id, (name,))
            told = await orders.info(stage, placed["id"])
            must(told["status"] == "pending", f"Order {placed['id']} is {told['status']} without approval.")
        await approve(stage, placed["id"])
        serial = await certificate(stage, placed["id"], pair, (name,))
        total = f"{orders.money(charge['total'])} EUR"
        stage.outcomes.append(Outcome("approved", str(placed["id"]), total, charge["invoice_number"], serial))


async def by_button(stage: Stage, order_id: int) -> None:
    async with stage.show.step("A manager signs in and presses Approve"), client(stage.run) as browser:
        await pages.sign_in(browser, stage.run, "manager")
        await pages.press(browser, f"/orders/{order_id}", "approve")


async def by_command(stage: Stage, order_id: int) -> None:
    async with stage.show.step("approve_order on orders.commands.v1"):
        await stage.wire.publish("orders.commands.v1", "approve_order", stage.run.account_id, order_id=order_id)
