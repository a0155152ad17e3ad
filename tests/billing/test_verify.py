"""The book proves itself: what is in order passes, and a planted fault of each kind is found."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from services.billing import actions
from services.billing.cli import run, told_by
from services.billing.queries.invariants import WALKS, WHOLE, Walk
from services.billing.queries.verify import verify
from services.billing.rules.imports import OldBalance
from services.billing.worker import print_due_documents
from shared.db import Database
from shared.events.orders import Division, DivisionAdded, OrderPlaced
from tests.billing.months import ON_ACCOUNT, close, deposit, eur, order, terms
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_cancelled_reissue, an_opened_account, names_added

THEN, AFTER = datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 12, 1, 1, tzinfo=UTC)


async def found(db: Database, walks: Sequence[Walk] = WALKS) -> list[str]:
    return [breach.invariant.name async for breach in verify(db, lambda table, rows: None, walks)]


@pytest.fixture
async def book(shop: World) -> World:
    """Something of everything: charged, credited, on account, waiting, requested, paid, transferred, in debt."""
    labs = DivisionAdded(occurred_at=NOW, account_id=9001, division=Division(id=15, name="Labs"))
    await shop.deliver("billing", an_opened_account(), labs)
    await terms(shop, NOW, negative_limit=eur(100_000), monthly_billing=True, purchase_orders_allowed=True)
    await deposit(shop, 50_000, NOW)
    await shop.deliver("billing", a_cancellation(await order(shop, THEN)))
    await _reissue(shop, await order(shop, THEN))
    await order(shop, THEN, payment=ON_ACCOUNT)
    await terms(shop, THEN, separate_funds=True)
    for _ in range(3):
        await order(shop, THEN, division=Division(id=15, name="Labs"))
    await order(shop, THEN, product_name_id="unheard_of")
    await order(shop, THEN, payment=ON_ACCOUNT)
    async with shop.billing.db.transaction() as tx:
        await actions.transfer(tx, 9001, 14, 15, eur(100), THEN)
    await close(shop, THEN.date(), AFTER)
    await order(shop, AFTER, payment=ON_ACCOUNT)
    await _pay(shop)
    await _more(shop)
    await print_due_documents(shop.billing.db, _blank)
    return shop


async def _reissue(shop: World, placed: OrderPlaced) -> None:
    await shop.deliver("billing", names_added(placed, "shop.acme.example"))
    await shop.deliver("billing", names_added(placed, "old.acme.example", request_id=8))
    await shop.deliver("billing", a_cancelled_reissue(placed, 8))


async def _pay(shop: World) -> None:
    async with shop.billing.db.transaction() as tx:
        wish = actions.PurchaseOrderWish(14, "PO-1", eur(10_000))
        wished = await actions.submit_purchase_order(tx, 9001, wish, "ann", AFTER)
        await actions.approve_purchase_order(tx, wished.id, "ops", AFTER, 30)
    async with shop.billing.db.transaction() as tx:
        await actions.record_payment(tx, 9001, eur(1_000), "wire", "", "B-1", "bank", AFTER)


async def _more(shop: World) -> None:
    """Credit in part of a month's invoice, and a balance of an older system."""
    usage = (await shop.rows("billing", "SELECT id FROM invoice WHERE kind = 'usage' ORDER BY id"))[0].id
    async with shop.billing.db.transaction() as tx:
        await actions.credit_invoice(tx, usage, {1: 100}, "Too dear", "ops", AFTER)
    async with shop.billing.db.transaction() as tx:
        old = OldBalance(15, "oldbill", eur(700), AFTER.date(), None)
        await actions.import_balance(tx, 9001, old, "ops", AFTER)


async def _blank(_: object) -> bytes:
    return b"%PDF"


FAULTS = {
    "the postings of a journal entry sum to zero": """
        UPDATE posting SET amount = amount + 1 WHERE ledger LIKE 'revenue%'""",
    "a transfer takes from one division what it gives to another": """
        UPDATE posting SET ledger = 'clearing:x' WHERE ledger = 'funds:15'""",
    "the balance is the last balance_after, at the last place": "UPDATE funds SET balance = balance + 1",
    "what is owed on credit is the last place of its history": "UPDATE funds SET accrued = accrued + 1",
    "what is owed on credit is unbilled usage and what is due on usage invoices": """
        UPDATE receivable SET paid = paid + 1 WHERE kind = 'usage'""",
    "as many invoices of each kind are counted as there are": "UPDATE invoice_count SET n = n + 1",
    "as many entries of each type are counted as there are": "DELETE FROM entry_count",
    "as many orders on account are counted as there are": "UPDATE usage_count SET n = n - 1",
    "no debt is asked for twice": "UPDATE receivable SET total = total + 1 WHERE kind = 'amount_owed'",
    "only separate funds stand beside the account's": "UPDATE funds SET separate = false",
    "one limit is shared: the account's row holds the credit that all divisions use": """
        UPDATE funds SET used_credit = used_credit + 1 WHERE separate""",
    "each balance_after is the one before it and the amount; places are 1..n": """
        UPDATE posting SET balance_after = balance_after + 1 WHERE division_id = 15 AND seq = 1""",
    "each place of what is owed is the one before it and the change; places are 1..n": """
        UPDATE on_account SET invoiced_after = invoiced_after + 1 WHERE seq = 1""",
    "the rows of what is due are counted 1..n": "UPDATE on_account SET invoiced_seq = invoiced_seq + 1 WHERE seq = 1",
    "what is due on a month's invoice is told by the rows of its funds that name it": """
        UPDATE on_account SET invoiced = invoiced + 1 WHERE kind = 'invoice'""",
    "the ledgers say what is owed": "UPDATE posting SET ledger = 'accrued:15' WHERE ledger = 'accrued:14'",
    "what is charged beside an order are names that were added to it": "DELETE FROM added_names",
    "names added to an order that goes on are charged, or on account, or wait": """
        DELETE FROM charge WHERE request_id = 7""",
    "what was charged for names of a cancelled reissue was given back": """
        UPDATE added_names SET cancelled_at = now() WHERE request_id = 7""",
    "a charge has its invoice and its journal entry, and all say the same": "UPDATE charge SET net = net + 1",
    "an order is charged, or on account, or waits": """
        INSERT INTO waiting_order
          (source, id, request_id, account_id, division_id, placed_at, since, reason, message, reminded)
        SELECT source, order_id, request_id, account_id, division_id, now(), now(), 'funds', 'x', 0
        FROM charge LIMIT 1""",
    "an order on account does not wait as well, and is claimed by an invoice of its division": """
        UPDATE usage SET division_id = 15 WHERE invoice_id IS NOT NULL""",
    "an invoice is its lines and its VAT groups, each rounded once": """
        UPDATE tax_group SET tax = tax + 1 WHERE rate > 0""",
    "what is paid was allocated, and no more is paid or credited than asked for": """
        UPDATE allocation SET amount = amount - 1""",
    "a payment request has no VAT": "UPDATE invoice SET tax = 1, total = total + 1 WHERE kind = 'amount_owed'",
    "a month's invoice is what was recorded": "UPDATE usage SET net = net + 1, total = total + 1",
    "an order's invoice was charged": "UPDATE charge SET invoice_id = invoice_id + 1000",
    "a credit note is its lines and its VAT groups": "UPDATE credit_note_tax SET net = net + 1",
    "no line, VAT group or invoice is credited with more than it has": """
        UPDATE credit_note_tax SET net = net + 1000000""",
    "the note that takes the last of an invoice says so and takes all of its VAT": """
        UPDATE credit_note SET exhausts = NOT exhausts""",
    "what is credited lowered what is due, or was paid and is returned": """
        UPDATE receivable SET credited = credited + 1 WHERE invoice_id IN (SELECT invoice_id FROM credit_note)""",
    "what was charged to the funds goes back there, and what only asked for money does not": """
        UPDATE credit_note SET pre_payment = 1, post_payment = post_payment - 1 WHERE post_payment > 0""",
    "a credit note books what it takes back of what was sold, and nothing else": """
        UPDATE credit_note SET pre_payment = pre_payment + 1, post_payment = post_payment - 1
        WHERE post_payment > 0""",
    "an order ends once, with a note over all that was left of it or without one": """
        UPDATE credit_note_line SET net = net - 1, unit_price = net - 1""",
    "a credit note has its paper": "DELETE FROM document WHERE kind = 'credit_note'",
    "what an account had elsewhere is booked once": "UPDATE opening_balance SET amount = amount + 1",
    "an invoice has its paper": "DELETE FROM document WHERE kind = 'invoice'",
    "an approved purchase order has exactly one invoice over its amount, another none": """
        UPDATE purchase_order SET approved_at = NULL""",
    "a payment gives what came, and a reversed one nothing": "UPDATE payment SET reversed_at = now()",
    "what was booked for a payment is what came": "UPDATE payment SET received = received + 1",
    "a stored copy is what was stored": "UPDATE document SET pdf = 'other' WHERE pdf IS NOT NULL",
    "numbers of a series are 1..n without a gap that nobody declared": """
        UPDATE invoice SET seq = seq + 1000 WHERE kind = 'usage'""",
    "a number was drawn from its counter": "DELETE FROM number_counter",
}


async def test_a_book_in_order_passes(book: World) -> None:
    assert await found(book.billing.db) == []


def test_a_fault_of_each_kind_is_planted_here() -> None:
    every = [invariant for walk in WALKS for invariant in walk.invariants] + list(WHOLE)
    assert {one.name for one in every} == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_planted_fault_is_found(book: World, name: str) -> None:
    async with book.billing.db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        for fault in FAULTS[name].split(";"):
            await tx.execute(text(fault))
        await tx.execute(text("SET LOCAL session_replication_role = origin"))

    assert name in await found(book.billing.db)


async def test_small_windows_find_what_large_ones_find(book: World) -> None:
    small = [replace(walk, window=2) for walk in WALKS]
    assert await found(book.billing.db, small) == []

    async with book.billing.db.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(
            text("UPDATE posting SET balance_after = balance_after + 1 WHERE division_id = 15 AND seq = 2")
        )
        await tx.execute(text("UPDATE invoice SET tax = 1, total = total + 1 WHERE kind = 'amount_owed'"))
        await tx.execute(text("SET LOCAL session_replication_role = origin"))

    assert set(await found(book.billing.db, small)) == set(await found(book.billing.db))
    assert "a payment request has no VAT" in await found(book.billing.db, small)


async def test_the_command_says_what_is_broken_and_fails(book: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(book.billing, told_by(["verify"])) == 0
    assert capsys.readouterr().out == "The book is in order.\n"

    async with book.billing.db.transaction() as tx:
        await tx.execute(text("UPDATE funds SET used_credit = used_credit + 1 WHERE separate"))

    assert await run(book.billing, told_by(["verify"])) == 1
    assert capsys.readouterr().out == (
        "account 9001: not true that one limit is shared: the account's row holds the credit that all divisions use "
        "(invariant 3)\n"
    )
