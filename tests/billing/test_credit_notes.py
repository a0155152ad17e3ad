"""Crediting what was invoiced: by staff line by line, and because an order has ended."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.billing import actions
from services.billing.actions import PurchaseOrderWish
from shared.errors import Conflict, DomainError, NotFound, Rejected
from shared.events.orders import Division, DivisionAdded, OrderPlaced, OrderRejected
from tests.billing.book import assert_in_order
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, standing, terms
from tests.conftest import World
from tests.makers import NOW, a_cancellation, an_opened_account

NOV = date(2026, 11, 1)
IN_NOV, AFTER_NOV = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
LATER = datetime(2026, 12, 10, tzinfo=UTC)
LABS = Division(id=15, name="Labs")
NAMES = ("www.acme.example", "a.acme.example", "b.acme.example")


@pytest.fixture
async def market(shop: World) -> World:
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS)
    await shop.deliver("billing", an_opened_account(), labs)
    await terms(shop, IN_NOV, negative_limit=eur(200_000), monthly_billing=True, purchase_orders_allowed=True)
    return shop


async def invoice_of(world: World, placed: OrderPlaced) -> int:
    sql = "SELECT invoice_id FROM invoice_line WHERE order_id = :id LIMIT 1"
    [row] = await world.rows("billing", sql, id=placed.order_id)
    return int(row.invoice_id)


async def line_of(world: World, placed: OrderPlaced) -> int:
    sql = "SELECT position FROM invoice_line WHERE order_id = :id ORDER BY position LIMIT 1"
    [row] = await world.rows("billing", sql, id=placed.order_id)
    return int(row.position)


async def credit(
    world: World, invoice: int, lines: dict[int, int] | None = None, reason: str = "Goodwill", now: datetime = LATER
) -> Any:
    async with world.billing.db.transaction() as tx:
        return await actions.credit_invoice(tx, invoice, lines, reason, "ops@ca.example", now)


async def pay(world: World, minor: int, reference: str, now: datetime = LATER) -> int:
    async with world.billing.db.transaction() as tx:
        return await actions.record_payment(tx, 9001, eur(minor), "wire_transfer", "", reference, "bank", now)


async def reverse(world: World, payment: int) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.reverse_payment(tx, payment, "No cover", "ops@ca.example", LATER + timedelta(hours=1))


async def note(world: World, which: int = -1) -> Any:
    return (await world.rows("billing", "SELECT * FROM credit_note ORDER BY id"))[which]


async def receivable(world: World, invoice: int) -> tuple[int, int, int, int]:
    """Paid, credited before, credited after, due."""
    sql = "SELECT paid, credited, returned, total - paid - credited AS due FROM receivable WHERE invoice_id = :id"
    [row] = await world.rows("billing", sql, id=invoice)
    return tuple(row)


async def request(world: World, minor: int) -> int:
    async with world.billing.db.transaction() as tx:
        wished = await actions.submit_purchase_order(tx, 9001, PurchaseOrderWish(14, "PO-1", eur(minor)), "ann", IN_NOV)
        return (await actions.approve_purchase_order(tx, wished.id, "ops", IN_NOV, 30)).id


# ── an order charged to the funds ────────────────────────────────────────────────────────────────────────────────────


async def test_a_part_of_a_charged_order_goes_to_the_funds_and_its_end_brings_the_rest(market: World) -> None:
    placed = await order(market, IN_NOV, names=NAMES)  # 149.00, and 2 names at 49.00 each: 247.00 net
    assert (await standing(market))[0] == "-293.93"

    await credit(market, await invoice_of(market, placed), {2: 4900})
    partial = await note(market)

    assert (await standing(market))[0] == "-235.62"
    assert (partial.net, partial.tax, partial.total, partial.post_payment) == (4900, 931, 5831, 5831)
    assert (partial.ends_part, partial.exhausts, partial.order_id) == (False, False, placed.order_id)
    assert partial.number == f"CN-{LATER.year}-000001"
    [line] = await market.rows("billing", "SELECT * FROM credit_note_line")
    assert (line.line, line.description, line.quantity, line.unit_price) == (2, "Additional name", 1, 4900)

    await market.deliver("billing", a_cancellation(placed))
    last = await note(market)

    assert (await standing(market))[0] == "0.00"
    assert (last.net, last.total, last.ends_part, last.exhausts) == (19_800, 29_393 - 5831, True, True)
    said = await market.said("billing", "credit_note_issued")
    assert [one["ends_order"] for one in said] == [False, True]
    assert [one["post_payment"]["amount"] for one in said] == [5831, 23_562]
    await assert_in_order(market.billing.db)


async def test_the_note_of_a_whole_invoice_repeats_its_lines(market: World) -> None:
    placed = await order(market, IN_NOV, names=NAMES)

    await market.deliver("billing", a_cancellation(placed))

    columns = "position, description, detail, quantity, unit_price, net, category, rate"
    credited = await market.rows("billing", f"SELECT {columns} FROM credit_note_line ORDER BY position")
    assert credited == await market.rows("billing", f"SELECT {columns} FROM invoice_line ORDER BY position")
    [tax] = await market.rows("billing", "SELECT net, tax, category, rate FROM credit_note_tax")
    assert [tax] == await market.rows("billing", "SELECT net, tax, category, rate FROM tax_group")


async def test_an_order_that_ends_when_nothing_is_left_of_its_invoice_is_released_once(market: World) -> None:
    placed = await order(market, IN_NOV)
    await credit(market, await invoice_of(market, placed))
    rejected = OrderRejected(
        source=placed.source, occurred_at=NOW, account_id=9001, order_id=placed.order_id, rejected_by="ann", reason="No"
    )

    await market.deliver("billing", a_cancellation(placed))
    await market.deliver("billing", rejected, a_cancellation(placed))

    assert len(await market.said("billing", "credit_note_issued")) == 1
    [released] = await market.said("billing", "order_released")
    assert "had all been credited before" in released["message"]
    assert (await standing(market))[0] == "0.00"
    await assert_in_order(market.billing.db)


async def test_the_place_in_the_history_of_funds_names_order_and_credit_note(market: World) -> None:
    placed = await order(market, IN_NOV)
    await credit(market, await invoice_of(market, placed), {1: 100})

    [row] = await market.rows("billing", "SELECT kind, text, order_id, subject_id FROM journal WHERE kind = 'credit'")
    [number] = await market.rows("billing", "SELECT number FROM invoice")
    assert row.text == f"Order {placed.order_id}, credit note CN-2026-000001 for invoice {number.number}"
    assert (row.order_id, row.subject_id) == (placed.order_id, (await note(market)).id)


async def test_money_that_comes_back_is_for_the_orders_that_wait(market: World) -> None:
    placed = await order(market, IN_NOV)
    await terms(market, IN_NOV, negative_limit=eur(17_731))
    waiting = await order(market, IN_NOV)
    assert len(await market.said("billing", "order_waiting")) == 1

    await credit(market, await invoice_of(market, placed))
    await market.settle()

    charged = await market.said("billing", "order_charged")
    assert charged[-1]["order"]["id"] == waiting.order_id
    await assert_in_order(market.billing.db)


async def test_a_credit_settles_what_a_debt_was_asked_for_too_much(market: World) -> None:
    placed = await order(market, IN_NOV)
    await close(market, NOV, AFTER_NOV)
    [asked] = await market.rows("billing", "SELECT invoice_id FROM receivable WHERE kind = 'amount_owed'")
    assert await receivable(market, asked.invoice_id) == (0, 0, 0, 17_731)

    await credit(market, await invoice_of(market, placed), {1: 10_000})

    assert await receivable(market, asked.invoice_id) == (11_900, 0, 0, 5831)
    await market.deliver("billing", a_cancellation(placed))
    assert (await receivable(market, asked.invoice_id))[-1] == 0
    await assert_in_order(market.billing.db)


# ── a month on account ───────────────────────────────────────────────────────────────────────────────────────────────


async def month(world: World, orders: int = 2, **changed: Any) -> list[OrderPlaced]:
    placed = [await order(world, IN_NOV, payment=ON_ACCOUNT, **changed) for _ in range(orders)]
    await close(world, NOV, AFTER_NOV)
    return placed


async def test_of_an_unpaid_month_less_is_asked_and_no_row_of_funds_is_written(market: World) -> None:
    first, _ = await month(market)
    invoice = await invoice_of(market, first)
    assert await standing(market) == ("0.00", "354.62", "1645.38")

    await credit(market, invoice, {1: 14_900})

    assert await standing(market) == ("0.00", "177.31", "1822.69")
    assert await receivable(market, invoice) == (0, 17_731, 0, 17_731)
    made = await note(market)
    assert (made.pre_payment, made.post_payment, made.order_id) == (17_731, 0, first.order_id)
    assert made.how_paid == "354.62 EUR were due before this credit note."
    assert "177.31 EUR taken off what invoice" in made.money_went
    assert await market.rows("billing", "SELECT 1 FROM posting WHERE seq IS NOT NULL") == []
    [owed] = await market.rows("billing", "SELECT * FROM on_account WHERE kind = 'credit_note'")
    assert (owed.invoiced, owed.invoiced_after, owed.credit_note_id) == (-17_731, 17_731, made.id)
    await assert_in_order(market.billing.db)


async def test_of_a_month_paid_in_part_the_due_part_goes_first_and_the_rest_to_the_funds(market: World) -> None:
    first, _ = await month(market)
    invoice = await invoice_of(market, first)
    await pay(market, 25_462, "B-1")

    await credit(market, invoice, {1: 14_900})  # 177.31; 100.00 are due

    assert await receivable(market, invoice) == (25_462, 10_000, 7731, 0)
    assert await standing(market) == ("77.31", "0.00", "2077.31")
    made = await note(market)
    assert (made.pre_payment, made.post_payment) == (10_000, 7731)
    assert made.how_paid == (
        "254.62 EUR paid on 2026-12-10 by wire transfer, reference B-1; 100.00 EUR were due before this credit note."
    )
    assert made.money_went.endswith("which is 0.00 EUR now. 77.31 EUR returned to the account funds on 2026-12-10.")
    [paid] = await market.said("billing", "invoice_paid")
    assert paid["invoice_id"] == invoice
    await assert_in_order(market.billing.db)


async def test_of_a_paid_month_all_goes_to_the_funds(market: World) -> None:
    first, second = await month(market)
    invoice = await invoice_of(market, first)
    await pay(market, 35_462, "B-1")

    await credit(market, invoice)

    assert await receivable(market, invoice) == (35_462, 0, 35_462, 0)
    assert (await note(market)).exhausts
    assert (await note(market)).order_id is None
    await market.deliver("billing", a_cancellation(second))
    [released] = await market.said("billing", "order_released")
    assert released["order"]["id"] == second.order_id
    await assert_in_order(market.billing.db)


@pytest.mark.parametrize("paid", [0, 30_000, 53_193])
async def test_an_order_that_ends_after_its_month_was_invoiced_gets_one_note_over_its_lines(
    market: World, paid: int
) -> None:
    _, ended, _ = await month(market, 3, names=("www.acme.example", "*.acme.example"))
    invoice = await invoice_of(market, ended)
    before = await standing(market)
    if paid:
        await pay(market, paid, "B-1")

    await market.deliver("billing", a_cancellation(ended))
    await market.deliver("billing", a_cancellation(ended))

    made = await note(market, 0)
    assert (made.total, made.ends_part, made.order_id, made.exhausts) == (
        made.pre_payment + made.post_payment, True, ended.order_id, False,
    )  # fmt: skip
    lines = await market.rows("billing", "SELECT line FROM credit_note_line ORDER BY line")
    assert [row.line for row in lines] == [3, 4]
    assert len(await market.said("billing", "credit_note_issued")) == 1
    raised = cents((await standing(market))[2]) - cents(before[2])
    assert raised == made.total + paid
    assert (await receivable(market, invoice))[0] <= paid
    await assert_in_order(market.billing.db)


def cents(text: str) -> int:
    return round(float(text) * 100)


async def test_all_orders_of_a_month_that_end_in_one_chunk_come_to_just_its_invoice(market: World) -> None:
    placed = await month(market, 7, names=("www.acme.example", "b.acme.example"))
    invoice = await invoice_of(market, placed[0])
    await credit(market, invoice, {3: 1, 4: 4899})

    await market.deliver("billing", *map(a_cancellation, placed), *map(a_cancellation, placed))

    notes = await market.rows("billing", "SELECT exhausts FROM credit_note ORDER BY id")
    assert [row.exhausts for row in notes] == [False] * 7 + [True]
    assert (await receivable(market, invoice))[-1] == 0
    assert await standing(market) == ("0.00", "0.00", "2000.00")
    await assert_in_order(market.billing.db)


async def test_what_was_returned_of_money_that_bounced_counts_against_the_invoice_again(market: World) -> None:
    first, _ = await month(market)
    invoice = await invoice_of(market, first)
    payment = await pay(market, 35_462, "B-1")
    await credit(market, invoice, {1: 14_900})
    assert await standing(market) == ("177.31", "0.00", "2177.31")

    await reverse(market, payment)

    assert await receivable(market, invoice) == (0, 17_731, 0, 17_731)
    assert await standing(market) == ("0.00", "177.31", "1822.69")
    await assert_in_order(market.billing.db)


async def test_the_money_of_a_divisions_month_goes_to_the_division(market: World) -> None:
    await terms(market, IN_NOV, separate_funds=True)
    [placed] = await month(market, 1, division=LABS)
    invoice = await invoice_of(market, placed)
    await credit(market, invoice, {1: 4900})
    await pay(market, 17_731 - 5831, "B-1")

    await market.deliver("billing", a_cancellation(placed))

    assert await standing(market, 15) == ("119.00", "0.00", "2119.00")
    assert await standing(market) == ("0.00", "0.00", "2000.00")
    await assert_in_order(market.billing.db)


# ── requests for payment ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_of_a_request_less_is_asked_and_nothing_is_booked(market: World) -> None:
    invoice = await request(market, 500_000)

    await credit(market, invoice, {1: 100_000})
    await pay(market, 150_000, "B-1")
    await credit(market, invoice)

    assert await receivable(market, invoice) == (150_000, 350_000, 0, 0)
    assert (await standing(market))[0] == "1500.00"
    assert await market.rows("billing", "SELECT 1 FROM journal WHERE kind = 'credit'") == []
    last = await note(market)
    assert (last.tax, last.pre_payment, last.post_payment, last.exhausts) == (0, 250_000, 0, False)
    await assert_in_order(market.billing.db)


async def test_a_request_is_credited_with_what_it_asks_for_and_no_more(market: World) -> None:
    invoice = await request(market, 500_000)
    await pay(market, 400_000, "B-1")

    with pytest.raises(Conflict, match=r"asks for 1000\.00 EUR now") as refused:
        await credit(market, invoice, {1: 100_001})
    assert refused.value.code == "more_than_due"

    await pay(market, 100_000, "B-2")
    with pytest.raises(Conflict, match="is paid") as refused:
        await credit(market, invoice)
    assert refused.value.code == "nothing_left"


async def test_a_debt_that_is_not_asked_for_any_more_is_asked_for_at_the_next_close(market: World) -> None:
    await order(market, IN_NOV)
    await close(market, NOV, AFTER_NOV)
    [asked] = await market.rows("billing", "SELECT invoice_id FROM receivable WHERE kind = 'amount_owed'")

    await credit(market, asked.invoice_id)

    assert (await receivable(market, asked.invoice_id))[-1] == 0
    assert (await standing(market))[0] == "-177.31"
    await close(market, date(2026, 12, 1), datetime(2027, 1, 1, 0, 5, tzinfo=UTC))
    assert len(await market.rows("billing", "SELECT 1 FROM receivable WHERE kind = 'amount_owed'")) == 2
    await assert_in_order(market.billing.db)


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lines", "reason", "kind", "code", "says"),
    [
        ({1: 100}, "", Rejected, "no_reason", "with a reason"),
        ({1: 100}, " \n", Rejected, "no_reason", "with a reason"),
        ({}, "Goodwill", Rejected, "no_lines", "Name the lines"),
        ({0: 100}, "Goodwill", NotFound, "not_found|line", "no line 0"),
        ({2: 100}, "Goodwill", NotFound, "not_found|line", "no line 2"),
        ({2**40: 100}, "Goodwill", NotFound, "not_found|line", "take the ids"),
        ({1: 0}, "Goodwill", Rejected, "amount_not_positive", "more than 0"),
        ({1: -1}, "Goodwill", Rejected, "amount_not_positive", "more than 0"),
        ({1: 14_901}, "Goodwill", Conflict, "more_than_left", r"149\.00 EUR net are left"),
        ({1: 10**18}, "Goodwill", Conflict, "more_than_left", "credit at most that"),
    ],
)
async def test_what_cannot_be_credited_is_refused_and_changes_nothing(
    market: World, lines: dict[int, int], reason: str, kind: type[DomainError], code: str, says: str
) -> None:
    invoice = await invoice_of(market, await order(market, IN_NOV))

    with pytest.raises(kind, match=says) as refused:
        await credit(market, invoice, lines, reason)

    assert refused.value.code == code
    assert await market.rows("billing", "SELECT 1 FROM credit_note") == []
    await assert_in_order(market.billing.db)


async def test_an_invoice_that_is_credited_has_nothing_left(market: World) -> None:
    invoice = await invoice_of(market, await order(market, IN_NOV))
    await credit(market, invoice)

    with pytest.raises(Conflict, match="is credited already") as refused:
        await credit(market, invoice, {1: 1})
    assert refused.value.code == "nothing_left"
    with pytest.raises(NotFound, match="no invoice 77"):
        await credit(market, 77)


async def test_who_saw_less_credited_is_told_to_look_again(market: World) -> None:
    invoice = await invoice_of(market, await order(market, IN_NOV))
    await credit(market, invoice, {1: 100})

    with pytest.raises(Conflict, match="credited meanwhile"):
        async with market.billing.db.transaction() as tx:
            await actions.credit_invoice(tx, invoice, {1: 100}, "Goodwill", "ops", LATER, seen=0)


async def test_two_notes_of_one_transaction_know_of_each_other(market: World) -> None:
    invoice = await invoice_of(market, await order(market, IN_NOV))

    async with market.billing.db.transaction() as tx:
        await actions.credit_invoice(tx, invoice, {1: 10_000}, "One", "ops", LATER)
        await actions.credit_invoice(tx, invoice, None, "Two", "ops", LATER)

    assert [row.net for row in await market.rows("billing", "SELECT net FROM credit_note ORDER BY id")] == [
        10_000,
        4900,
    ]
    await assert_in_order(market.billing.db)


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_credited_paid_bounced_and_ended_available_funds_rise_by_just_that(
    market: World, seed: int
) -> None:
    chance, payments = random.Random(seed), list[int]()
    await deposit(market, 30_000, IN_NOV)
    placed = await month(market, 5, names=NAMES) + [await order(market, AFTER_NOV, names=NAMES) for _ in range(3)]
    await request(market, 40_000)

    for n in range(14):
        before = cents((await standing(market))[2])
        deed = chance.choice(["part", "part", "part", "end", "pay", "bounce"])
        if deed == "pay":
            payments.append(await pay(market, amount := chance.choice([5000, 90_001]), f"B-{n}"))
        elif deed == "bounce" and payments:
            payment = payments.pop(chance.randrange(len(payments)))
            [row] = await market.rows("billing", "SELECT received FROM payment WHERE id = :id", id=payment)
            await reverse(market, payment)
            amount = -row.received
        else:
            credited = await _credited(market)
            await (_end if deed == "end" else _part)(market, chance, placed)
            amount = await _credited(market) - credited
        assert cents((await standing(market))[2]) - before == amount
        await assert_in_order(market.billing.db)


async def _credited(world: World) -> int:
    """Of what was sold: a request that asks for less moves no money."""
    sql = "SELECT coalesce(sum(n.total), 0) AS sum FROM credit_note AS n JOIN invoice AS i ON i.id = n.invoice_id"
    [row] = await world.rows("billing", f"{sql} WHERE i.kind <> 'purchase_order'")
    return int(row.sum)


async def _end(world: World, chance: random.Random, placed: list[OrderPlaced]) -> None:
    await world.deliver("billing", *map(a_cancellation, chance.sample(placed, 2)))


async def _part(world: World, chance: random.Random, placed: list[OrderPlaced]) -> None:
    invoices = [row.id for row in await world.rows("billing", "SELECT id FROM invoice ORDER BY id")]
    try:
        lines = {chance.randint(1, 6): chance.choice([1, 333, 4900]) for _ in range(chance.randint(1, 3))}
        await credit(world, chance.choice(invoices), lines if chance.random() < 0.85 else None)
    except DomainError:
        return
