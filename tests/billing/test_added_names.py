"""Names that a reissue adds to an order: their price, their own charge, waiting, and what cancelling gives back."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from services.billing.rules import Added, PriceRow, Wanted
from services.billing.rules.added import _lines, days_left, term_days
from services.billing.rules.proration import part_of_days
from shared.db import utcnow
from shared.events.orders import OrderPlaced, OrderRejected, Payment, Term
from tests.billing.book import assert_in_order
from tests.billing.months import close, eur, terms
from tests.conftest import World
from tests.makers import (
    NOW,
    YEAR,
    a_cancellation,
    a_cancelled_reissue,
    a_deposit,
    an_opened_account,
    an_order,
    names_added,
)

ON_ACCOUNT = Payment(method="on_account")
PRICE = PriceRow("ssl", "SSL", 1, "EUR", 14900, 1, 4900, 29900, date(2026, 1, 1))


def wanted(years: int | None = 1, days: int | None = None) -> Wanted:
    return Wanted(9001, "ssl", years, days, ("a.example",), "EUR", "DE", True, None)


def added(*names: str, before: int = 1, starts: date = date(2027, 6, 24), ends: date = date(2027, 11, 23)) -> Added:
    return Added(7, names, before, starts, ends, NOW, date(2026, 11, 23))


# ── what they cost ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_and_wildcards_cost_their_own_price_for_the_days_that_remain() -> None:
    lines = list(_lines(PRICE, wanted(), added("b.example", "*.c.example", "d.example")))

    assert [(line.description, line.detail, line.quantity, line.unit_price) for line in lines] == [
        ("Additional name, 2027-06-24 to 2027-11-23, 153 of 365 days", ("b.example", "d.example"), 2, 2054),
        ("Additional wildcard name, 2027-06-24 to 2027-11-23, 153 of 365 days", ("*.c.example",), 1, 12533),
    ]


def test_names_that_the_price_includes_are_free_until_they_are_used_up() -> None:
    three = PriceRow("ssl", "SSL", 1, "EUR", 14900, 3, 4900, 29900, date(2026, 1, 1))

    one = list(_lines(three, wanted(), added("b.example", "c.example", "d.example")))
    assert [(line.detail, line.net) for line in one] == [(("b.example", "c.example"), 0), (("d.example",), 2054)]
    later = list(_lines(three, wanted(), added("e.example", before=3)))
    assert [line.net for line in later] == [2054]


@pytest.mark.parametrize(
    ("years", "days", "starts", "ends", "left", "whole"),
    [
        (1, None, date(2026, 11, 24), date(2027, 11, 23), 365, 365),  # the first day after that of the order
        (1, None, date(2026, 11, 23), date(2027, 11, 23), 365, 365),  # never more than the term
        (1, None, date(2026, 10, 24), date(2027, 11, 23), 365, 365),  # a renewal brought 30 days more: they are free
        (1, None, date(2027, 11, 23), date(2027, 11, 23), 1, 365),  # the last day counts
        (1, None, date(2027, 11, 23), date(2028, 2, 29), 99, 366),
        (2, None, date(2027, 11, 24), date(2028, 11, 23), 366, 731),
        (None, 90, date(2026, 12, 24), date(2027, 2, 21), 60, 90),
    ],
)
def test_the_days_of_a_term(
    years: int | None, days: int | None, starts: date, ends: date, left: int, whole: int
) -> None:
    asked, names = wanted(years, days), added("b.example", starts=starts, ends=ends)

    assert (days_left(asked, names), term_days(asked, ends)) == (left, whole)


@given(price=st.integers(0, 10**9), whole=st.integers(1, 1096), data=st.data())
def test_the_parts_of_a_term_add_up_to_its_price_however_it_is_cut(price: int, whole: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, whole), max_size=9)) | {whole})
    parts = [part_of_days(price, first + 1, last, whole) for first, last in zip([0, *cuts], cuts, strict=False)]

    assert sum(parts) == price
    assert all(part >= 0 for part in parts)


# ── charged ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def a_charged_order(shop: World, minor: int = 100_000, **changed: Any) -> OrderPlaced:
    order = an_order(**changed)
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(minor))
    await shop.deliver("billing", order)
    return order


async def balance(shop: World) -> int:
    [row] = await shop.rows("billing", "SELECT balance FROM funds")
    return int(row.balance)


async def test_added_names_are_charged_by_an_invoice_of_their_own_that_says_whose_they_are(shop: World) -> None:
    order = await a_charged_order(shop)

    await shop.deliver("billing", names_added(order, "shop.acme.example", "*.acme.example"))

    first, charged = await shop.said("billing", "order_charged")
    assert (first["request_id"], charged["request_id"]) == (None, 7)
    assert charged["order"] == {"source": "issuary/orders", "id": order.order_id}
    assert charged["net"]["amount"] == 4900 + 29900
    issued = (await shop.said("billing", "invoice_issued"))[-1]
    assert (issued["number"], issued["kind"], issued["request_id"]) == (f"INV-{YEAR}-000002", "order", 7)
    assert issued["amount_due"]["amount"] == 0
    assert await balance(shop) == 100_000 - 17731 - 41412
    texts = await shop.rows("billing", "SELECT text FROM journal WHERE kind = 'charge' ORDER BY at")
    assert texts[-1].text == f"Order {order.order_id}, names added by request 7, invoice INV-{YEAR}-000002"
    await assert_in_order(shop.billing.db)


async def test_names_told_twice_are_charged_once(shop: World) -> None:
    order = await a_charged_order(shop)
    told = names_added(order, "shop.acme.example")

    await shop.deliver("billing", told, told, names_added(order, "shop.acme.example"))
    await shop.deliver("billing", names_added(order, "shop.acme.example"))

    assert len(await shop.said("billing", "order_charged")) == 2


async def test_order_and_names_of_one_chunk_are_both_charged(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))

    await shop.deliver("billing", order, names_added(order, "shop.acme.example"), a_cancelled_reissue(order))

    assert [one["request_id"] for one in await shop.said("billing", "order_charged")] == [None, 7]
    assert [one["request_id"] for one in await shop.said("billing", "credit_note_issued")] == [7]
    assert await balance(shop) == 100_000 - 17731
    await assert_in_order(shop.billing.db)


async def test_the_price_list_of_the_day_on_which_the_order_was_priced_counts(shop: World) -> None:
    order = await a_charged_order(shop)
    rows = [{"product": "ssl_dv_geotrust", "description": "Dearer", "years": 1, "currency": "EUR", "base": "1.00",
             "extra_name": "999.00", "valid_from": date(2026, 2, 1)}]  # fmt: skip
    async with shop.billing.db.transaction() as tx:
        await actions.load_catalogue(tx, CatalogueFile.model_validate({"price": rows}), "tests", NOW)
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(text("UPDATE charge SET priced_on = '2026-01-15'"))
        await tx.execute(text("SET LOCAL session_replication_role = origin"))
    shop.billing.db._given["kept"].clear()

    await shop.deliver("billing", names_added(order, "shop.acme.example"))

    assert (await shop.said("billing", "order_charged"))[-1]["net"]["amount"] == 4900


async def test_an_account_of_its_own_price_pays_that_for_added_names(shop: World) -> None:
    rows = [{"product": "ssl_dv_geotrust", "description": "Own", "years": 1, "currency": "EUR", "base": "100.00",
             "extra_name": "10.00", "valid_from": date(2026, 1, 1), "account_id": 9001}]  # fmt: skip
    await shop.deliver("billing", an_opened_account())
    async with shop.billing.db.transaction() as tx:
        await actions.load_catalogue(tx, CatalogueFile.model_validate({"price": rows}), "tests", NOW)
    order = await a_charged_order(shop)

    await shop.deliver("billing", names_added(order, "shop.acme.example"))

    assert (await shop.said("billing", "order_charged"))[-1]["net"]["amount"] == 1000


async def test_a_term_in_days_is_divided_by_its_days(shop: World) -> None:
    order = await a_charged_order(shop, term=Term(days=90))

    await shop.deliver(
        "billing", names_added(order, "b.example", starts_on=date(2027, 1, 1), term_ends_on=date(2027, 1, 30))
    )

    assert (await shop.said("billing", "order_charged"))[-1]["net"]["amount"] == 4900 - 3267  # 30 of 90 days


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_names_beyond_the_funds_wait_and_are_charged_when_money_comes(shop: World) -> None:
    order = await a_charged_order(shop, 17731)

    await shop.deliver("billing", names_added(order, "shop.acme.example"))

    [waiting] = await shop.said("billing", "order_waiting")
    assert (waiting["request_id"], waiting["reason"], waiting["shortfall"]["amount"]) == (7, "funds", 5831)
    assert waiting["message"] == (
        "The added names cost 58.31 EUR and 0.00 EUR are available; deposit at least 58.31 EUR, and they are charged "
        "by themselves."
    )
    await shop.deliver("billing", a_deposit(5831))
    await shop.settle()
    assert [one["request_id"] for one in await shop.said("billing", "order_charged")] == [None, 7]
    assert await balance(shop) == 0
    await assert_in_order(shop.billing.db)


async def test_names_of_an_order_that_waits_follow_it(shop: World) -> None:
    order = an_order()
    await shop.deliver("billing", an_opened_account(), order, names_added(order, "shop.acme.example"))

    behind = (await shop.said("billing", "order_waiting"))[-1]
    assert (behind["request_id"], behind["reason"]) == (7, "funds")
    assert "order itself" in behind["message"]
    await shop.deliver("billing", a_deposit(17731 + 5831))
    await shop.settle()

    assert [one["request_id"] for one in await shop.said("billing", "order_charged")] == [None, 7]
    await assert_in_order(shop.billing.db)


async def test_older_orders_and_names_are_tried_first(shop: World) -> None:
    order = await a_charged_order(shop, 17731)
    older = an_order(names=("a.example",))
    await shop.deliver("billing", older, names_added(order, "shop.acme.example", added_at=NOW.replace(hour=11)))

    await shop.deliver("billing", a_deposit(17731))
    await shop.settle()

    assert [one["order"]["id"] for one in await shop.said("billing", "order_charged")] == [
        order.order_id, older.order_id,
    ]  # fmt: skip
    assert [tuple(row) for row in await shop.rows("billing", "SELECT id, request_id FROM waiting_order")] == [
        (order.order_id, 7)
    ]


async def test_names_that_wait_are_reminded_of_as_what_they_are(shop: World) -> None:
    order = await a_charged_order(shop, 17731)
    await shop.deliver("billing", names_added(order, "shop.acme.example"))
    async with shop.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE waiting_order SET since = since - interval '2 days', remind_at = now()"))

    await shop.settle()

    [told] = await shop.said("billing", "order_still_waiting")
    assert (told["request_id"], told["days"]) == (7, 1)


# ── cancelled ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_reissue_is_credited_with_just_what_its_names_cost(shop: World) -> None:
    order = await a_charged_order(shop)
    await shop.deliver("billing", names_added(order, "shop.acme.example"))

    await shop.deliver("billing", a_cancelled_reissue(order))
    await shop.deliver("billing", a_cancelled_reissue(order))

    [note] = await shop.said("billing", "credit_note_issued")
    assert (note["total"]["amount"], note["request_id"], note["ends_order"]) == (5831, 7, False)
    assert note["invoice_number"] == f"INV-{YEAR}-000002"
    [row] = await shop.rows("billing", "SELECT reason FROM credit_note")
    assert row.reason == "Reissue cancelled: Not needed after all"
    assert await balance(shop) == 100_000 - 17731
    await assert_in_order(shop.billing.db)


async def test_a_cancelled_reissue_without_added_names_costs_and_says_nothing(shop: World) -> None:
    order = await a_charged_order(shop)

    await shop.deliver("billing", a_cancelled_reissue(order), a_cancelled_reissue(an_order()))

    assert await shop.said("billing", "credit_note_issued", "order_released") == []
    assert await shop.parked("billing") == []


async def test_names_cancelled_while_they_wait_are_released(shop: World) -> None:
    order = await a_charged_order(shop, 17731)
    await shop.deliver("billing", names_added(order, "shop.acme.example"))

    await shop.deliver("billing", a_cancelled_reissue(order))
    await shop.deliver("billing", a_deposit(100_000))
    await shop.settle()

    [released] = await shop.said("billing", "order_released")
    assert released["request_id"] == 7
    assert released["message"] == (
        "Nothing was charged for the names that request 7 added to this order, so nothing is returned and there is no "
        "document."
    )
    assert len(await shop.said("billing", "order_charged")) == 1


@pytest.mark.parametrize("how", ["cancelled", "rejected"])
async def test_the_end_of_an_order_credits_every_charge_of_it(shop: World, how: str) -> None:
    order = await a_charged_order(shop)
    await shop.deliver("billing", names_added(order, "a.acme.example"))
    await shop.deliver("billing", names_added(order, "b.acme.example", request_id=8), a_cancelled_reissue(order, 8))
    ended = a_cancellation(order)
    if how == "rejected":
        ended = OrderRejected(**order.model_dump(include={"source", "account_id", "order_id", "occurred_at"}),
                              rejected_by="ops", reason="No")  # type: ignore[assignment]  # fmt: skip

    await shop.deliver("billing", ended)

    notes = await shop.said("billing", "credit_note_issued")
    assert [(note["request_id"], note["ends_order"]) for note in notes] == [(8, False), (None, True), (7, False)]
    assert await balance(shop) == 100_000
    await assert_in_order(shop.billing.db)


async def test_the_end_of_an_order_releases_names_that_wait(shop: World) -> None:
    order = await a_charged_order(shop, 17731)
    await shop.deliver("billing", names_added(order, "a.acme.example"))

    await shop.deliver("billing", a_cancellation(order))
    await shop.settle()

    assert [one["request_id"] for one in await shop.said("billing", "order_released")] == [7]
    assert [one["request_id"] for one in await shop.said("billing", "credit_note_issued")] == [None]
    assert await balance(shop) == 17731
    await assert_in_order(shop.billing.db)


async def test_names_for_an_order_that_has_ended_are_not_charged(shop: World) -> None:
    order = await a_charged_order(shop)
    await shop.deliver("billing", a_cancellation(order))

    await shop.deliver("billing", names_added(order, "a.acme.example"))

    [released] = await shop.said("billing", "order_released")
    assert (released["request_id"], "has ended" in released["message"]) == (7, True)
    assert await balance(shop) == 100_000
    await assert_in_order(shop.billing.db)


async def test_names_of_a_cancelled_reissue_do_not_use_up_what_the_price_includes(shop: World) -> None:
    rows = [{"product": "two", "description": "Two", "years": 1, "currency": "EUR", "base": "10.00",
             "included_names": 2, "extra_name": "10.00", "valid_from": date(2026, 1, 1)}]  # fmt: skip
    async with shop.billing.db.transaction() as tx:
        await actions.load_catalogue(tx, CatalogueFile.model_validate({"price": rows}), "tests", NOW)
    order = await a_charged_order(shop, product_name_id="two")

    await shop.deliver("billing", names_added(order, "a.acme.example"), a_cancelled_reissue(order))
    await shop.deliver("billing", names_added(order, "b.acme.example", request_id=8))
    await shop.deliver("billing", names_added(order, "c.acme.example", request_id=9))

    nets = [(one["request_id"], one["net"]["amount"]) for one in await shop.said("billing", "order_charged")]
    assert nets == [(None, 1000), (7, 0), (8, 0), (9, 1000)]
    await assert_in_order(shop.billing.db)


# ── on account ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def on_account(shop: World) -> OrderPlaced:
    await shop.deliver("billing", an_opened_account())
    await terms(shop, NOW, negative_limit=eur(1_000_000), monthly_billing=True)
    order = an_order(payment=ON_ACCOUNT)
    await shop.deliver("billing", order)
    return order


async def test_names_of_an_order_on_account_go_on_account(shop: World) -> None:
    order = await on_account(shop)

    await shop.deliver("billing", names_added(order, "shop.acme.example"))

    told = (await shop.said("billing", "order_on_account"))[-1]
    assert (told["request_id"], told["total"]["amount"]) == (7, 5831)
    [funds] = await shop.rows("billing", "SELECT accrued FROM funds")
    assert funds.accrued == 17731 + 5831
    await shop.deliver("billing", a_cancelled_reissue(order))
    assert [one["request_id"] for one in await shop.said("billing", "order_released")] == [7]
    [funds] = await shop.rows("billing", "SELECT accrued FROM funds")
    assert funds.accrued == 17731
    await assert_in_order(shop.billing.db)


async def test_of_a_months_invoice_just_the_lines_of_the_cancelled_reissue_are_credited(shop: World) -> None:
    order = await on_account(shop)
    await shop.deliver("billing", names_added(order, "shop.acme.example"))
    today = utcnow()
    await close(shop, today.date().replace(day=1), today + timedelta(days=32))

    await shop.deliver("billing", a_cancelled_reissue(order))
    [note] = await shop.said("billing", "credit_note_issued")
    assert (note["net"]["amount"], note["request_id"], note["ends_order"]) == (4900, 7, False)
    await assert_in_order(shop.billing.db)

    await shop.deliver("billing", a_cancellation(order))
    last = (await shop.said("billing", "credit_note_issued"))[-1]
    assert (last["net"]["amount"], last["request_id"], last["ends_order"]) == (14900, None, True)
    await assert_in_order(shop.billing.db)


# ── bad input ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_names_for_an_order_that_was_never_told_are_parked_with_what_to_do(shop: World) -> None:
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", names_added(an_order(), "a.acme.example"))

    [parked] = await shop.parked("billing")
    assert "publish its order_placed first" in parked.error


async def test_names_of_another_account_are_parked(shop: World) -> None:
    order = await a_charged_order(shop)
    await shop.deliver("billing", names_added(order, "a.acme.example", account_id=9002))

    [parked] = await shop.parked("billing")
    assert "is of account 9001" in parked.error


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"starts_on": date(2027, 11, 24)}, "after the last day of the term"),
        ({"added": ("no name",)}, "is no name"),
    ],
)
async def test_what_contradicts_itself_is_parked(shop: World, changed: dict[str, object], sentence: str) -> None:
    order = await a_charged_order(shop)
    await shop.deliver("billing", names_added(order, "a.acme.example").model_copy(update=changed))

    [parked] = await shop.parked("billing")
    assert sentence in parked.error


async def test_names_for_a_product_without_a_price_wait_for_it(shop: World) -> None:
    order = await a_charged_order(shop)
    async with shop.billing.db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(text("UPDATE charge SET priced_on = '2020-01-01'"))
        await tx.execute(text("SET LOCAL session_replication_role = origin"))

    await shop.deliver("billing", names_added(order, "a.acme.example"))

    [waiting] = await shop.said("billing", "order_waiting")
    assert (waiting["request_id"], waiting["reason"]) == (7, "price")
