"""Story 5: names are proven by looking, and a proof serves the next order."""

from sqlalchemy import text

from tests.flows.conftest import Town
from tests.validation.dns_server import txt


async def look_again(town: Town) -> None:
    async with town.world.validation.db.transaction() as tx:
        await tx.execute(text("UPDATE attempt SET due_at = now() WHERE due_at IS NOT NULL"))
    await town.world.settle()


async def test_an_order_is_issued_when_its_last_name_is_proven_and_not_before(town: Town) -> None:
    await town.pay(50_000)
    order = await town.order()
    await town.world.settle(steps=False)
    [first, second] = await town.said("validation", "domain_submitted")

    town.zone.scripts[first["record_name"]] = txt(first["record_name"], first["record_value"])
    await town.world.settle()
    [proven] = await town.said("validation", "domain_validated")
    assert proven["name"] == first["name"]
    assert (await town.shown(order))["status"] != "issued"

    town.zone.scripts[second["record_name"]] = txt(second["record_name"], second["record_value"])
    await look_again(town)

    assert (await town.shown(order))["status"] == "issued"
    await town.in_order()


async def test_a_wrong_value_proves_nothing(town: Town) -> None:
    await town.pay(50_000)
    await town.order()
    await town.world.settle(steps=False)
    for told in await town.said("validation", "domain_submitted"):
        town.zone.scripts[told["record_name"]] = txt(told["record_name"], "f" * 32)

    await town.world.settle()

    assert await town.said("validation", "domain_validated") == []
    assert await town.said("orders", "certificate_issued") == []


async def test_a_proof_serves_the_next_order_of_the_account_without_another_look(town: Town) -> None:
    await town.pay(100_000)
    await town.order()
    await town.settle()
    looked = len(town.zone.asked)

    order = await town.order()
    await town.world.settle()

    assert (await town.shown(order))["status"] == "issued"
    assert len(town.zone.asked) == looked
    await town.in_order()
