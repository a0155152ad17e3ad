"""Story 2: an order that must wait, and what releases it."""

from tests.billing.book import assert_in_order
from tests.flows.conftest import COSTS, Town


async def test_orders_that_wait_for_money_say_so_and_a_deposit_releases_the_oldest_first(town: Town) -> None:
    first, second, third = [await town.order() for _ in range(3)]
    await town.settle()
    told = await town.said("billing", "order_waiting")
    assert [one["order"]["id"] for one in told] == [first, second, third]
    assert "deposit at least 235.62 EUR" in told[0]["message"]
    assert await town.said("orders", "certificate_issued") == []

    await town.pay(COSTS * 2)
    await town.settle()

    charged = await town.said("billing", "order_charged")
    assert [one["order"]["id"] for one in charged] == [first, second]
    assert {order: (await town.shown(order))["status"] for order in (first, second)} == {
        first: "issued", second: "issued"
    }  # fmt: skip
    assert (await town.shown(third))["status"] != "issued"
    assert await town.balance() == "0.00"
    await town.in_order()


async def test_an_order_that_does_not_fit_blocks_no_later_one(town: Town) -> None:
    names = [f"n{n}.acme.example" for n in range(20)]
    large = await town.order(certificate__dns_names=["www.acme.example", *names])
    small = await town.order()
    await town.settle()

    await town.pay(COSTS)
    await town.settle()

    [charged] = await town.said("billing", "order_charged")
    assert charged["order"]["id"] == small
    [paid] = await town.said("billing", "invoice_issued")
    assert paid["order"]["id"] == small
    assert (await town.shown(large))["status"] != "issued"
    await assert_in_order(town.world.billing.db)


async def test_the_order_page_says_who_must_act_while_an_order_waits_for_money(town: Town) -> None:
    order = await town.order()
    await town.settle()

    rows = await town.world.rows("orders", "SELECT * FROM certificate_order WHERE id = :id", id=order)

    assert "funds" in str(rows[0]._mapping)
