from typing import Any

from sqlalchemy import event as sql_event

from shared.events.billing import FundsLow, OrderStillWaiting
from shared.ids import new_id
from tests.bus import as_record
from tests.conftest import World
from tests.events.contracts import golden
from tests.notifications.makers import NOW, a_credit_note_document, an_invoice_document

GOLDEN = golden()


async def test_documents_become_messages_and_a_repeat_changes_nothing(world: World) -> None:
    invoice, credit_note = an_invoice_document(), a_credit_note_document()

    await world.deliver("notifications", invoice, credit_note, invoice)
    await world.deliver("notifications", invoice)
    await world.deliver("notifications", invoice.model_copy(update={"id": new_id()}))

    rows = await world.rows("notifications", "SELECT number FROM message ORDER BY number")
    assert [row.number for row in rows] == ["CN-2026-000007", "INV-2026-000042"]
    assert await world.parked("notifications") == []


async def test_a_document_told_twice_under_two_ids_in_one_batch_is_one_message(world: World) -> None:
    await world.deliver("notifications", an_invoice_document(id=new_id()), an_invoice_document(id=new_id()))

    assert len(await world.rows("notifications", "SELECT 1 FROM message")) == 1
    assert await world.parked("notifications") == []


async def test_a_document_of_another_system_s_order_is_mailed_too(world: World) -> None:
    invoice = an_invoice_document(order={"source": "shop", "id": 1201})

    await world.deliver("notifications", invoice)

    (row,) = await world.rows("notifications", "SELECT content FROM message")
    assert row.content["order"] == {"source": "shop", "id": 1201}


async def test_a_document_without_a_hash_is_parked_with_a_sentence(world: World) -> None:
    record = as_record(an_invoice_document())
    record.value = record.value.replace(b'"sha256":"', b'"sha256":"zz')

    await world.notifications.door.handle([record])

    (parked,) = await world.parked("notifications")
    assert "sha256" in parked.error


async def test_a_batch_of_documents_costs_as_many_statements_as_one(world: World) -> None:
    async def statements(count: int) -> int:
        seen: list[str] = []
        connection = world.notifications.db.bind.sync_connection  # type: ignore[union-attr]
        assert connection is not None
        listener = lambda *args: seen.append(args[2])  # noqa: E731
        sql_event.listen(connection, "before_cursor_execute", listener)
        events = [an_invoice_document(document_id=new_id(), id=new_id()) for _ in range(count)]
        await world.deliver("notifications", *events)
        sql_event.remove(connection, "before_cursor_execute", listener)
        return len(seen)

    assert await statements(1) == await statements(100)


def told_of_low_funds(**changed: Any) -> FundsLow:
    return FundsLow.model_validate(GOLDEN["billing.funds_low"] | {"id": new_id()} | changed)


def a_reminder(**changed: Any) -> OrderStillWaiting:
    return OrderStillWaiting.model_validate(GOLDEN["billing.order_still_waiting"] | {"id": new_id()} | changed)


async def test_low_funds_are_mailed_for_each_crossing_and_a_repeat_changes_nothing(world: World) -> None:
    first, second = told_of_low_funds(recipients=["a@acme.example", "b@acme.example"]), told_of_low_funds()

    await world.deliver("notifications", first)
    await world.deliver("notifications", first.model_copy(update={"occurred_at": NOW}), second)

    rows = await world.rows("notifications", "SELECT recipient FROM message ORDER BY recipient")
    assert [row.recipient for row in rows] == ["a@acme.example", "ap@acme.example", "b@acme.example"]


async def test_a_waiting_order_is_mailed_once_a_stage_to_whoever_can_do_something(world: World) -> None:
    await world.deliver("notifications", a_reminder(days=1), a_reminder(days=1), a_reminder(days=7))
    await world.deliver("notifications", a_reminder(days=7), a_reminder(days=21, acts="staff", reason="price"))

    rows = await world.rows("notifications", "SELECT number, content FROM message")
    assert sorted((row.number, row.content["days"]) for row in rows) == [("Order 1201", 1), ("Order 1201", 7)]
    assert await world.parked("notifications") == []
