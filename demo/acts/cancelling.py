from demo import orders
from demo.certificates import new_key_pair
from demo.failure import must
from demo.stage import Outcome, Stage
from demo.wire import of_order


async def play(stage: Stage) -> None:
    before = await stage.purse.look()
    async with stage.show.step("An order is placed and charged") as line:
        placed = await orders.place(stage.customer, orders.body(stage, (stage.name("gone"),), new_key_pair()))
        charge = await orders.charged(stage, placed["id"])
        total = orders.money(charge["total"])
        await stage.purse.changed_by(-total)
        line.text = f"Order {placed['id']} is placed and charged {total} EUR"
    async with stage.show.step("PUT …/status canceled: a credit note, and the money is back") as line:
        await cancel(stage, placed["id"], "Ordered twice")
        about = of_order(orders.OURS, placed["id"])
        note = await stage.wire.hear("credit_note_issued", about, "The credit note")
        must(note["total"] == charge["total"], f"Charged was {charge['total']}, given back is {note['total']}.")
        balance = await stage.purse.changed_by(total)
        must(balance.balance == before.balance, f"The balance is {balance.balance}, before it was {before.balance}.")
        line.text = f"PUT …/status canceled: {note['number']} gives back {total} EUR, the balance is as before"
    async with stage.show.step("The credit note is rendered and mailed") as line:
        pdf = await orders.credit_note(stage, placed["id"])
        recipient, mail = await orders.mailed(stage, pdf)
        line.text = f"Credit note {pdf.number} mailed to {recipient}, the PDF attached byte for byte"
    stage.addresses += [("credit note", f"{stage.run.console}{pdf.path}"), ("its mail", mail)]
    stage.outcomes.append(Outcome("canceled", str(placed["id"]), f"-{total} EUR", pdf.number))


async def cancel(stage: Stage, order_id: int, note: str) -> None:
    answer = await stage.customer.put(f"{orders.ORDERS}/{order_id}/status", json={"status": "CANCELED", "note": note})
    must(answer.status_code == 204, f"Cancelling was answered with {answer.status_code}: {answer.text[:300]}")
