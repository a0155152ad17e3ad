from demo import orders
from demo.acts.cancelling import cancel
from demo.failure import must
from demo.stage import NAMES_OF_DEMO, Stage


async def play(stage: Stage) -> None:
    """Waiting orders that an interrupted play left would take the money of this one."""
    async with stage.show.step("Orders that an interrupted demo left waiting are cancelled") as line:
        answer = await stage.customer.get(orders.ORDERS, params={"status": "pending"})
        must(answer.status_code == 200, f"The list of orders was answered with {answer.status_code}: {answer.text}")
        pending = [
            each for each in answer.json()["orders"] if NAMES_OF_DEMO.fullmatch(each["certificate"]["common_name"])
        ]
        waiting = [
            each["id"] for each in pending if (await orders.info(stage, each["id"]))["facts"].get("waiting_reason")
        ]
        for order_id in waiting:
            await cancel(stage, order_id, "An interrupted demo left it")
            await orders.released(stage, order_id)
        line.text = f"Orders that an interrupted demo left waiting: {len(waiting) or 'none'}"
