"""Story 9: documents are mailed once per recipient, whatever the mail server says first."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.bus import Bus
from tests.flows.conftest import COSTS, Town, pdf_of


async def test_a_mail_server_that_refuses_gets_the_same_mail_once_it_takes_it(town: Town) -> None:
    await town.pay(50_000)
    await town.order()
    town.box.answers["DATA"] = "451 try again later"
    await town.settle()
    assert town.mails() == []

    town.box.answers.clear()
    async with town.world.notifications.db.transaction() as tx:
        await tx.execute(text("UPDATE message SET due_at = now() - interval '1 second'"))
    await town.world.settle()

    [mail] = town.mails("ap@acme.example")
    assert pdf_of(mail).startswith(b"%PDF")
    await town.in_order()


async def test_a_certificate_is_told_to_the_addresses_given_with_its_order(town: Town) -> None:
    await town.pay(50_000)

    await town.order(additional_emails=["it@acme.example"])
    await town.settle()

    [told] = town.mails("it@acme.example")
    assert told["Subject"] == "Certificate for www.acme.example is issued"
    assert list(told.iter_attachments()) == []


async def play(town: Town) -> None:
    """Two orders, one of them cancelled, one that waits; all of it at rest afterwards."""
    await town.pay(COSTS * 2)
    kept, cancelled = await town.order(), await town.order("standard_user")
    await town.settle()
    async with town.client() as http:
        await http.put(f"/services/v2/order/certificate/{cancelled}/status", json={"status": "canceled", "note": "no"})
    await town.settle()
    assert (await town.shown(kept))["status"] == "issued"


async def end_state(town: Town) -> dict[str, Any]:
    counted = {
        "billing": ("charge", "invoice", "credit_note", "journal", "posting", "payment", "waiting_order", "document"),
        "orders": ("certificate_order", "order_request", "certificate", "request_name"),
        "validation": ("validation", "evidence", "attempt"),
        "notifications": ("message",),
    }
    rows: dict[str, Any] = {
        f"{service}.{table}": (await town.world.rows(service, f"SELECT count(*) FROM {table}"))[0][0]
        for service, tables in counted.items()
        for table in tables
    }
    return {**rows, "mails": len(town.mails()), "balance": await town.balance()}


@pytest.mark.parametrize("forgotten", [False, True], ids=["remembered", "inbox emptied"])
async def test_everything_told_twice_and_in_another_order_of_topics_changes_nothing(
    town: Town, forgotten: bool
) -> None:
    """Also where the inbox has forgotten it: a fact that was applied changes nothing by its own keys."""
    await play(town)
    before = await end_state(town)
    for name in town.world.services if forgotten else ():
        await town.world.rows(name, "DELETE FROM inbox RETURNING 1")

    for topic in sorted(town.world.bus.topics, reverse=True):
        await again(town, topic)
    await town.world.settle()

    assert await end_state(town) == before
    await town.in_order()


async def again(town: Town, topic: str) -> None:
    records = list(town.world.bus.topics[topic])
    for record in records:
        town.world.bus.put(topic, record.key, record.value, record.headers)


class Backwards(Bus):
    """Reads the topics of a service in the opposite order and everything twice."""

    async def pump(self, service: Any) -> int:
        moved = 0
        for topic in reversed(service.door.door.topics):
            at = self.read.get((service.name, topic), 0)
            fresh = self.topics.get(topic, [])[at:]
            if fresh:
                await service.door.handle(fresh)
                await service.door.handle(fresh)
                self.read[service.name, topic] = at + len(fresh)
                moved += len(fresh)
        return moved


async def test_topics_read_in_the_opposite_order_and_twice_give_the_same_end(town: Town) -> None:
    bus = Backwards()
    bus.topics, bus.read = town.world.bus.topics, town.world.bus.read
    town.world.bus = bus
    for relay in town.world.relays.values():
        relay.producer = bus

    await play(town)

    assert await town.balance() == f"{COSTS / 100:.2f}"
    assert len(town.mails("ap@acme.example")) == 3
    assert len(await town.said("orders", "certificate_issued")) == 1
    assert len(await town.said("billing", "credit_note_issued")) == 1
    await town.in_order()
