from shared import parking
from shared.events.base import Money
from shared.events.orders import Division, Payment
from shared.web.operations import _pretty, _type_in
from tests.bus import record
from tests.conftest import World
from tests.makers import NOW, YEAR, a_cancellation, a_deposit, an_account, an_opened_account, an_order

EUR = "EUR"


async def funds(world: World) -> tuple[int, int]:
    [row] = await world.rows("billing", "SELECT balance, seq FROM funds")
    return row.balance, row.seq


async def test_an_order_within_the_funds_is_charged_booked_and_invoiced_at_once(shop: World) -> None:
    order = an_order()

    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await shop.deliver("billing", order)

    charged, issued = await shop.said("billing", "order_charged", "invoice_issued")
    assert charged["total"] == {"amount": 17731, "currency": EUR}  # 149.00 and 19 % VAT
    assert (charged["net"]["amount"], charged["tax"]["amount"]) == (14900, 2831)
    assert charged["order"] == {"source": "issuary/orders", "id": order.order_id}
    assert issued["number"] == charged["invoice_number"]
    assert issued["amount_due"]["amount"] == 0
    assert await funds(shop) == (82269, 2)
    postings = await shop.rows(
        "billing",
        "SELECT ledger, amount, balance_after FROM posting JOIN journal ON journal.id = journal_id"
        " WHERE kind = 'charge' ORDER BY line",
    )
    assert [tuple(row) for row in postings] == [
        ("funds:14", -17731, 82269),
        ("revenue:6", 14900, None),
        ("vat:6:S:19", 2831, None),
    ]


async def test_an_order_that_is_told_twice_is_charged_once(shop: World) -> None:
    order = an_order()

    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await shop.deliver("billing", order, order)
    await shop.deliver("billing", order)
    await shop.deliver("billing", an_order(order_id=order.order_id))  # a new id of the event, the same order

    assert len(await shop.said("billing", "order_charged")) == 1
    assert await funds(shop) == (82269, 2)


async def test_an_order_beyond_the_funds_waits_and_says_how_much_is_missing(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(10_000))
    await shop.deliver("billing", an_order())

    [waiting] = await shop.said("billing", "order_waiting")
    assert waiting["reason"] == "funds"
    assert waiting["shortfall"] == {"amount": 7731, "currency": EUR}
    assert "deposit at least 77.31 EUR" in waiting["message"]
    assert await funds(shop) == (10_000, 1)
    assert await shop.rows("billing", "SELECT 1 FROM invoice") == []


async def test_a_deposit_releases_waiting_orders_oldest_first_and_one_that_does_not_fit_blocks_no_later_one(
    shop: World,
) -> None:
    big = an_order(names=tuple(f"n{n}.acme.example" for n in range(9)))
    first, second = an_order(), an_order()
    await shop.deliver("billing", an_opened_account(), big, first, second)

    await shop.deliver("billing", a_deposit(17731 * 2))
    await shop.settle()

    charged = await shop.said("billing", "order_charged")
    assert [one["order"]["id"] for one in charged] == [first.order_id, second.order_id]
    assert await shop.rows("billing", "SELECT id FROM waiting_order") == [(big.order_id,)]
    assert (await funds(shop))[0] == 0


async def test_a_cancelled_order_gets_a_credit_note_and_its_money_back(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await shop.deliver("billing", order)

    await shop.deliver("billing", a_cancellation(order))
    await shop.deliver("billing", a_cancellation(order))  # told again under another id

    [note] = await shop.said("billing", "credit_note_issued")
    assert note["total"]["amount"] == 17731
    assert note["number"] == f"CN-{YEAR}-000001"
    assert await funds(shop) == (100_000, 3)
    [sums] = await shop.rows("billing", "SELECT sum(amount), count(DISTINCT journal_id) FROM posting")
    assert tuple(sums) == (0, 3)


async def test_placing_and_cancelling_in_one_chunk_gives_invoice_and_credit_note(shop: World) -> None:
    order = an_order()

    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await shop.deliver("billing", order, a_cancellation(order))

    [issued] = await shop.said("billing", "invoice_issued")
    [note] = await shop.said("billing", "credit_note_issued")
    assert note["invoice_number"] == issued["number"]
    assert note["invoice_id"] == issued["invoice_id"]
    assert (await funds(shop))[0] == 100_000


async def test_a_waiting_order_that_is_cancelled_is_released_without_a_document(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account(), order)

    await shop.deliver("billing", a_cancellation(order))
    await shop.deliver("billing", a_deposit(100_000))
    await shop.settle()

    [released] = await shop.said("billing", "order_released")
    assert "no document" in released["message"]
    assert await shop.said("billing", "order_charged", "credit_note_issued") == []


async def test_an_unknown_product_waits_with_the_reason_price(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(), an_order(product_name_id="ssl_gold"))

    [waiting] = await shop.said("billing", "order_waiting")
    assert waiting["reason"] == "price"
    assert "no price in EUR for ssl_gold" in waiting["message"]


async def test_an_account_without_address_waits_for_billing_details_until_it_has_one(shop: World) -> None:
    order = an_order(account=an_account(address=None))
    await shop.deliver("billing", an_opened_account(account=an_account(address=None)), a_deposit(100_000), order)
    [waiting] = await shop.said("billing", "order_waiting")
    assert waiting["reason"] == "billing_details"


async def test_an_order_in_another_currency_waits_and_touches_no_money(shop: World) -> None:
    await shop.deliver("billing", an_opened_account(), an_order(account=an_account(currency="USD")))

    [waiting] = await shop.said("billing", "order_waiting")
    assert waiting["reason"] == "billing_details"
    assert "keeps its book in EUR" in waiting["message"]


async def test_the_same_transfer_counts_once(shop: World) -> None:
    deposit = a_deposit(5_000, reference="SEPA 88")

    await shop.deliver("billing", an_opened_account(), deposit, a_deposit(5_000, reference="SEPA 88"))

    assert await funds(shop) == (5_000, 1)


async def test_a_deposit_in_another_currency_is_answered_with_a_refusal_and_not_parked(shop: World) -> None:
    wrong = a_deposit(5_000, amount=Money(amount=5_000, currency="USD"))

    await shop.deliver("billing", an_opened_account(), wrong)

    [refused] = await shop.said("billing", "command_refused")
    assert refused["command_id"] == str(wrong.id)
    assert refused["code"] == "bad_request_format"
    assert "in EUR, not in USD" in refused["message"]
    assert await shop.parked("billing") == []


async def test_an_order_on_account_waits_because_nothing_of_the_kind_is_agreed(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))

    await shop.deliver("billing", an_order(payment=Payment(method="on_account")))

    [waiting] = await shop.said("billing", "order_waiting")
    assert waiting["reason"] == "billing_details"
    assert "not agreed" in waiting["message"]
    assert await funds(shop) == (100_000, 1)


async def test_an_address_that_a_later_order_brings_releases_the_earlier_one(shop: World) -> None:
    without, complete = an_account(id=2**30 + 1, address=None), an_account(id=2**30 + 1)
    main = Division(id=2**30 + 2, name="Main")
    first = an_order("shop", account=without, division=main)
    await shop.deliver("billing", first)
    await shop.deliver("billing", a_deposit(100_000, account_id=2**30 + 1, division_id=2**30 + 2))
    [waiting] = await shop.said("billing", "order_waiting")

    second = an_order("shop", account=complete, division=main)
    await shop.deliver("billing", second)
    await shop.settle()

    assert waiting["reason"] == "billing_details"
    charged = {one["order"]["id"] for one in await shop.said("billing", "order_charged")}
    assert charged == {first.order_id, second.order_id}


async def test_a_name_that_is_no_name_at_all_is_parked_and_not_sold(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))

    await shop.deliver("billing", an_order("shop", names=("<script>alert(1)</script>.acme.example",)))

    [parked] = await shop.parked("billing")
    assert "is no name" in parked.error
    assert await funds(shop) == (100_000, 1)


async def test_a_cancellation_told_for_another_account_is_parked_and_credits_nobody(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await shop.deliver("billing", order)

    await shop.deliver("billing", a_cancellation(order, account_id=9002))

    [parked] = await shop.parked("billing")
    assert "is of account 9001, not of 9002" in parked.error
    assert await shop.said("billing", "credit_note_issued") == []


async def test_an_order_does_not_rename_a_division_that_was_announced(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())

    await shop.deliver("billing", an_order("shop", division=Division(id=14, name="Renamed")))

    assert await shop.rows("billing", "SELECT name FROM division") == [("Main",)]


async def test_a_transfer_told_twice_is_refused_with_the_deposit_it_was(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())

    await shop.deliver("billing", a_deposit(5_000, reference="SEPA 88"), a_deposit(5_000, reference="SEPA 88"))

    [refused] = await shop.said("billing", "command_refused")
    assert refused["code"] == "duplicate_reference"
    assert await funds(shop) == (5_000, 1)


async def test_a_deposit_beyond_what_can_be_booked_is_refused(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())

    await shop.deliver("billing", a_deposit(2**62))

    [refused] = await shop.said("billing", "command_refused")
    assert "more than can be booked" in refused["message"]
    assert await funds(shop) == (0, 0)


async def test_what_is_parked_with_nul_can_be_discarded(shop: World) -> None:
    await shop.billing.door.handle([record("orders.events.v1", b"9001", b"\xff\xfe\x00")])
    [parked] = await shop.parked("billing")

    async with shop.billing.db.transaction() as tx:
        await parking.discard(tx, parked.seq, "junk", "tests", NOW)

    assert await shop.parked("billing") == []
    [(before,)] = await shop.rows("billing", "SELECT before FROM audit_log WHERE what = 'parked event discarded'")
    assert "\0" not in before["payload"]


def test_a_record_nested_without_end_is_shown_as_it_came() -> None:
    deep = b"[" * 200_000

    assert _type_in(deep) == ""
    assert _pretty(deep).startswith("[[[")
