"""Orders that wait are listed with who must act, and told of after 1, 7 and 21 days; what stopped waiting is not."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as hooks
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from services.billing import actions
from services.billing.queries.waiting_orders import Place, Wanted, waiting_orders
from services.billing.rules.waiting import actor, next_stage_at, stage_at
from shared.db import utcnow
from shared.events.base import Money
from shared.events.orders import Division
from shared.service import Service
from tests.billing.makers import take_key
from tests.billing.test_pages import signed_in, words
from tests.billing.test_paying_pages import STAFF
from tests.billing.test_purchase_orders import call
from tests.billing.test_waiting import load_price
from tests.bus import as_record
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_deposit, an_account, an_opened_account, an_order
from tests.pages.samples.base import CARA

DAY = timedelta(days=1)
PAGE = "/finance/waiting"


async def remind(world: World, days: float) -> bool:
    """As of so many days after now."""
    async with world.billing.db.transaction() as tx:
        return await actions.remind_of_waiting(tx, datetime.now(UTC) + timedelta(days=days))


async def stages(world: World, order: int | None = None) -> list[int]:
    said = await world.said("billing", "order_still_waiting")
    return [event["days"] for event in said if order in (None, event["order"]["id"])]


@pytest.fixture
async def market(shop: World) -> World:
    await shop.deliver("billing", an_opened_account())
    return shop


async def test_each_stage_is_told_once(market: World) -> None:
    await market.deliver("billing", an_order())

    for days in (0.5, 1.01, 1.5, 6.9, 7.01, 7.02, 20, 21.01, 22, 400):
        while await remind(market, days):
            pass

    assert await stages(market) == [1, 7, 21]


async def test_a_reminder_says_why_since_when_what_is_missing_and_who_must_act(market: World) -> None:
    order = an_order()
    await market.deliver("billing", order)
    await remind(market, 1.01)

    [said] = await market.said("billing", "order_still_waiting")
    assert (said["order"]["id"], said["reason"], said["acts"]) == (order.order_id, "funds", "customer")
    assert said["shortfall"] == said["total"] == {"amount": 17731, "currency": "EUR"}
    assert "deposit at least 177.31 EUR" in said["message"]
    assert (said["recipients"], said["account_name"]) == (["ap@acme.example"], "Acme Example GmbH")


async def test_whoever_comes_late_tells_only_the_last_stage_that_passed(market: World) -> None:
    await market.deliver("billing", an_order())

    await remind(market, 8)
    await remind(market, 8)
    await remind(market, 30)

    assert await stages(market) == [7, 21]


async def test_what_was_charged_or_cancelled_is_not_told_of(market: World) -> None:
    charged, cancelled = an_order(), an_order()
    await market.deliver("billing", charged, cancelled)
    await market.deliver("billing", a_cancellation(cancelled), a_deposit(20_000))
    await market.settle()

    assert not await remind(market, 30)


async def test_trying_again_neither_hurries_nor_delays_a_stage(market: World) -> None:
    await market.deliver("billing", an_order())
    await remind(market, 1.01)
    await market.deliver("billing", a_deposit(100))
    await market.settle()

    assert not await remind(market, 6.9)
    await remind(market, 7.01)

    assert await stages(market) == [1, 7]
    assert "deposit at least 176.31 EUR" in (await market.said("billing", "order_still_waiting"))[1]["message"]


async def test_a_transaction_that_dies_tells_nothing_and_the_next_one_tells_it(market: World) -> None:
    await market.deliver("billing", an_order())
    with pytest.raises(ZeroDivisionError):
        await remind_and_die(market)

    await remind(market, 2)

    assert await stages(market) == [1]


async def remind_and_die(world: World) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.remind_of_waiting(tx, datetime.now(UTC) + 2 * DAY)
        raise ZeroDivisionError


async def test_more_than_fit_one_page_are_all_told_once(market: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.billing.actions.reminders.AT_ONCE", 2)
    await market.deliver("billing", *(an_order() for _ in range(5)))

    pages = 0
    while await remind(market, 1.01):
        pages += 1

    assert (pages, await stages(market)) == (3, [1] * 5)


async def test_two_workers_at_once_tell_each_stage_once(alone: Service) -> None:
    await alone.door.handle(
        [as_record(e, n) for n, e in enumerate([an_opened_account(), *(an_order() for _ in "123")])]
    )
    later = datetime.now(UTC) + 2 * DAY

    async def work() -> None:
        async with alone.db.transaction() as tx:
            await actions.remind_of_waiting(tx, later)
            await asyncio.sleep(0.1)

    await asyncio.gather(*(work() for _ in range(4)))
    async with alone.db.transaction() as tx:
        said = text("SELECT count(*) FROM outbox WHERE headers ->> 'ce_type' = 'order_still_waiting'")
        assert await tx.scalar(said) == 3


async def test_the_customer_is_mailed_about_funds_and_details_and_not_about_prices(market: World) -> None:
    await market.deliver("billing", an_order(), an_order(product_name_id="brand_new"))
    await remind(market, 1.01)
    await remind(market, 7.01)
    await market.settle(steps=False)

    mails = await market.rows("notifications", "SELECT * FROM message WHERE template = 'order_still_waiting'")
    assert len(mails) == 2
    assert sorted(mail.content["days"] for mail in mails) == [1, 7]
    assert sorted(await stages(market)) == [1, 1, 7, 7]


FILL = """
INSERT INTO waiting_order
  (source, id, request_id, account_id, division_id, placed_at, since, reason, message, remind_at, reminded)
SELECT 'made', a * 2000 + n, 0, CASE WHEN a = 1 THEN 9001 ELSE 20000 + a END, 14, w.at, w.at,
       (ARRAY['funds', 'price', 'tax', 'billing_details'])[1 + n % 4], 'm', now() + n * interval '1 hour', 0
FROM generate_series(1, 20) AS a, generate_series(1, 1000) AS n,
     LATERAL (SELECT now() - n * interval '1 hour' AS at) AS w
"""


# What other tests wrote and took back makes a table long and its indexes full of holes: that is not what is asked here.
ONLY_INDEXES = [f"SET LOCAL enable_{way} = off" for way in ("seqscan", "bitmapscan", "sort", "incremental_sort")]
QUESTIONS: list[tuple[Wanted | None, str]] = [
    (None, "ix_waiting_order_remind_at"),
    (Wanted(), "ix_waiting_order_since"),
    (Wanted(account_id=9001), "ix_waiting_order_account_id_since"),
    (Wanted(reason="price"), "ix_waiting_order_reason_since"),
    (Wanted(after=Place(utcnow() - 30 * DAY, 7, "made")), "ix_waiting_order_since"),
]


async def test_among_20_000_that_wait_each_question_has_its_index(market: World) -> None:
    async with market.billing.db.transaction() as tx:
        connection = await tx.connection()
        for sql in (*ONLY_INDEXES, FILL, "ANALYZE waiting_order"):
            await connection.exec_driver_sql(sql)
        for wanted, index in QUESTIONS:
            plan = await plan_of(tx, connection, wanted)
            assert index in plan, plan
            assert "Seq Scan on waiting_order" not in plan, plan


async def plan_of(tx: AsyncSession, connection: AsyncConnection, wanted: Wanted | None) -> str:
    with heard(connection) as asked:
        if wanted is None:
            await actions.remind_of_waiting(tx, NOW - DAY)
        else:
            await waiting_orders(tx, CARA, wanted, 50)
    statement, given = asked[0]
    rows = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE) {statement}", given)
    return "\n".join(row[0] for row in rows)


@contextmanager
def heard(connection: AsyncConnection) -> Iterator[list[tuple[str, Any]]]:
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
        asked.append((statement, given))

    hooks.listen(connection.sync_connection, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        hooks.remove(connection.sync_connection, "before_cursor_execute", note)


# ── page ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def queue(market: World) -> World:
    """One order for each reason, and one of another account."""
    other = an_opened_account(account=an_account(id=9002, name="Globex"))
    await market.deliver("billing", other.model_copy(update={"division": Division(id=15, name="Main")}))
    await market.deliver("billing", an_order(order_id=501), an_order(order_id=502, product_name_id="brand_new"))
    strange = an_order("shop", order_id=503, account=an_account(currency="USD"))
    globex = an_order(order_id=504, account=an_account(id=9002, name="Globex"), division=Division(id=15, name="Main"))
    await market.deliver("billing", strange, globex)
    return market


def numbers(page: str) -> list[int]:
    return [n for n in range(501, 505) if re.search(rf">{n}\b", page)]


async def test_a_customer_sees_its_own_with_the_reason_and_who_must_act(queue: World) -> None:
    async with signed_in(queue) as http:
        page = await http.get(PAGE)

    text_shown = words(page)
    assert numbers(page.text) == [501, 502, 503]
    for said in ("Funds", "deposit at least 177.31 EUR", "You Deposit funds", "The certificate authority",
                 "keeps its book in EUR", "You Billing contact", "of shop", "3 of 3"):  # fmt: skip
        assert said in text_shown
    assert "Globex" not in text_shown


@pytest.mark.parametrize(
    ("asked", "found"),
    [("", [501, 502, 503, 504]), ("?reason=funds", [501, 504]), ("?reason=price", [502]), ("?reason=tax", []),
     ("?reason=billing_details", [503]), ("?account_id=9002", [504]), ("?account_id=9001&reason=funds", [501])],
)  # fmt: skip
async def test_staff_see_all_and_filter(queue: World, asked: str, found: list[int]) -> None:
    async with signed_in(queue, **STAFF) as http:
        page = await http.get(PAGE + asked)

    assert numbers(page.text) == found
    assert ("Staff Prices" in words(page)) == (502 in found)


async def test_staff_see_how_long_they_wait_and_what_was_told(queue: World) -> None:
    await queue.rows("billing", "UPDATE waiting_order SET since = since - interval '8 days' WHERE id = 502 RETURNING 1")
    async with queue.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE waiting_order SET remind_at = since + interval '1 day'"))
    await remind(queue, 0)
    async with signed_in(queue, **STAFF) as http:
        page = words(await http.get(PAGE))

    assert "8 days reminded after 7 days" in page


async def test_the_pages_follow_each_other_without_gap_or_repeat(queue: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.billing.pages.waiting.PAGE", 1)
    found, path = list[int](), PAGE
    async with signed_in(queue, **STAFF) as http:
        for _ in range(5):
            page = await http.get(path)
            found += numbers(page.text)
            if 'rel="next"' not in page.text:
                break
            path = page.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")

    assert sorted(found) == [501, 502, 503, 504]


@pytest.mark.parametrize("asked", ["?reason=boredom", "?after=x", "?after=2026-01-01/x/y", "?account_id=-1"])
async def test_what_cannot_be_asked_is_refused(queue: World, asked: str) -> None:
    async with signed_in(queue, **STAFF) as http:
        assert (await http.get(PAGE + asked)).status_code == 400


async def test_a_customers_account_id_shows_nothing_of_another(queue: World) -> None:
    async with signed_in(queue, role="manager") as http:
        assert numbers((await http.get(f"{PAGE}?account_id=9002")).text) == [501, 502, 503]
    async with signed_in(queue, role="finance_manager", divisions=(16,), user_id=8) as http:
        assert "No order waits" in words(await http.get(PAGE))
    async with signed_in(queue, role="limited_user", user_id=9) as http:
        assert (await http.get(PAGE)).status_code == 403


async def test_what_is_charged_leaves_the_list(queue: World) -> None:
    await load_price(queue, "brand_new")
    await queue.deliver("billing", a_deposit(100_000))
    await queue.settle()
    async with signed_in(queue) as http:
        assert numbers((await http.get(PAGE)).text) == [503]


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "stage"), [(0, 0), (0.99, 0), (1, 1), (6.99, 1), (7, 7), (20.9, 7), (21, 21), (500, 21)]
)
def test_a_stage_is_reached_to_the_second(days: float, stage: int) -> None:
    assert stage_at(NOW, NOW + timedelta(days=days)) == stage


def test_after_the_last_stage_there_is_none() -> None:
    assert [next_stage_at(NOW, stage) for stage in (0, 1, 7, 21)] == [NOW + DAY, NOW + 7 * DAY, NOW + 21 * DAY, None]


def test_the_customer_acts_on_funds_and_details_and_staff_on_the_catalogue() -> None:
    assert [actor(reason) for reason in ("funds", "billing_details", "price", "tax", "other")] == [
        "customer", "customer", "staff", "staff", "staff",
    ]  # fmt: skip


async def test_an_account_limited_to_a_low_amount_is_reminded_of_what_is_missing_now(market: World) -> None:
    await take_key(market, "staff", role="operator", account_id=0, user_id=8, email="ops@ca.example")
    await market.deliver("billing", an_order())
    await call(market, "PUT", "/services/v2/finance/terms/14", "staff", json={"negative_balance_limit": "100.00"})
    await market.settle()
    await remind(market, 1.01)

    [said] = await market.said("billing", "order_still_waiting")
    assert Money.model_validate(said["shortfall"]) == Money(amount=7731, currency="EUR")
