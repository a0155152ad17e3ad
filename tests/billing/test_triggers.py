"""What the database itself refuses, whoever asks."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.billing import actions
from services.billing.models import Base
from services.billing.models.base import APPEND_ONLY
from services.billing.worker import print_due_documents
from shared.db import utcnow
from shared.events.base import Money
from shared.events.orders import Payment
from shared.ids import new_id
from tests.billing.imports import an_old_balance, bring_balance
from tests.conftest import World
from tests.makers import NOW, YEAR, a_cancellation, a_deposit, an_opened_account, an_order

JOURNAL = "INSERT INTO journal (id, account_id, at, kind, text) VALUES (:id, 9001, now(), 'x', 'x')"
PAYMENT = """INSERT INTO payment
  (id, account_id, division_id, purpose, amount, currency, method, created_at, created_by)"""
POSTINGS = "INSERT INTO posting (journal_id, line, ledger, amount, currency) VALUES "


@pytest.fixture
async def traded(shop: World) -> World:
    order = an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(50_000))
    async with shop.billing.db.transaction() as tx:
        await actions.set_terms(tx, 9001, actions.Terms(purchase_orders_allowed=True), "ops", NOW)
        wish = actions.PurchaseOrderWish(14, "PO-1", Money(amount=100, currency="EUR"))
        wished = await actions.submit_purchase_order(tx, 9001, wish, "ann", NOW)
        invoice = await actions.approve_purchase_order(tx, wished.id, "ops", NOW, 30)
    async with shop.billing.db.transaction() as tx:
        whole = Money(amount=100, currency="EUR")
        paid = await actions.announce_payment(tx, 9001, 14, {invoice.id: 100}, whole, "wire_transfer", "ann", NOW)
        await tx.flush()
        await actions.settle_payment(tx, paid.id, whole, "B-1", "ops", NOW)
        await actions.announce_deposit(tx, 9001, 14, whole, "wire_transfer", "ann", NOW)
    credited = an_order()
    await shop.deliver("billing", order, a_cancellation(order), credited)
    async with shop.billing.db.transaction() as tx:
        found = await tx.scalar(text("SELECT invoice_id FROM charge WHERE order_id = :id"), {"id": credited.order_id})
        await actions.credit_invoice(tx, found, None, "Goodwill", "ops", NOW)
    await shop.deliver("billing", a_cancellation(credited))
    async with shop.billing.db.transaction() as tx:
        await actions.set_terms(tx, 9001, actions.Terms(monthly_billing=True, unlimited=True), "ops", NOW)
    await shop.deliver("billing", an_order(payment=Payment(method="on_account")))
    await bring_balance(shop.billing.db, an_old_balance())
    async with shop.billing.db.transaction() as tx:
        await actions.continue_series(tx, 1, "credit_note", YEAR, 4711, "used by oldbill", "ops", utcnow())
    await print_due_documents(shop.billing.db, blank)
    return shop


async def blank(_: object) -> bytes:
    return b"%PDF"


async def refused(world: World, sql: str, **values: object) -> str:
    with pytest.raises(DBAPIError) as caught:
        await run(world, sql, values)
    return str(caught.value.orig)


async def run(world: World, sql: str, values: dict[str, object]) -> None:
    async with world.billing.db.transaction() as tx:
        for statement in sql.split(";"):
            await tx.execute(text(statement), values)


@pytest.mark.parametrize("table", [name for name in APPEND_ONLY if name != "exchange_rate"])
async def test_what_was_written_is_neither_changed_nor_deleted(traded: World, table: str) -> None:
    column = next(iter(Base.metadata.tables[table].c)).name

    assert "append-only" in await refused(traded, f"UPDATE {table} SET {column} = {column}")
    assert "append-only" in await refused(traded, f"DELETE FROM {table}")


async def test_a_settled_payment_is_only_ever_reversed(traded: World) -> None:
    settled = "WHERE settled_at IS NOT NULL"
    assert "is reversed" in await refused(traded, f"UPDATE payment SET received = 1 {settled}")
    assert "is reversed" in await refused(traded, f"UPDATE payment SET reversed_at = now(), amount = 1 {settled}")
    assert "is reversed" in await refused(traded, f"DELETE FROM payment {settled}")
    await run(traded, f"UPDATE payment SET reversed_at = now(), reversed_by = 'x', reversal_reason = 'y' {settled}", {})
    assert "is reversed" in await refused(traded, f"UPDATE payment SET reversed_at = NULL {settled}")


async def test_a_stored_document_is_neither_changed_nor_deleted(traded: World) -> None:
    assert "append-only" in await refused(traded, "UPDATE document SET pdf = 'x', sha256 = 'x'")
    assert "append-only" in await refused(traded, "UPDATE document SET pdf = NULL, sha256 = NULL")
    assert "append-only" in await refused(traded, "DELETE FROM document")


@pytest.mark.parametrize(
    "postings",
    [
        "(:id, 1, 'revenue:6', 5, 'EUR')",
        "(:id, 1, 'revenue:6', 5, 'EUR'), (:id, 2, 'vat:6', -4, 'EUR')",
        "(:id, 1, 'revenue:6', 5, 'EUR'), (:id, 2, 'vat:6', -5, 'USD')",
    ],
)
async def test_postings_that_do_not_sum_to_zero_in_each_currency_are_refused(shop: World, postings: str) -> None:
    said = await refused(shop, f"{JOURNAL}; {POSTINGS}{postings}", id=new_id())

    assert "do not sum to zero" in said
    assert await shop.rows("billing", "SELECT 1 FROM journal") == []


async def test_two_unbalanced_entries_do_not_balance_each_other(shop: World) -> None:
    postings = "(:id, 1, 'a', 5, 'EUR'), (:other, 1, 'a', -5, 'EUR')"
    other = JOURNAL.replace(":id", ":other")

    said = await refused(shop, f"{JOURNAL}; {other}; {POSTINGS}{postings}", id=new_id(), other=new_id())

    assert "do not sum to zero" in said


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE funds SET negative_limit = -1", "ck_funds_limit"),
        (
            "INSERT INTO document SELECT gen_random_uuid(), 'x', 1, 9001, false, now(), 0, NULL, NULL, 'sha', NULL",
            "stored",
        ),
        (
            f"{PAYMENT} SELECT 99, account_id, division_id, 'deposit', 0, 'EUR', 'm', now(), 'x' FROM funds",
            "amount",
        ),
        ("UPDATE payment SET settled_at = now() WHERE settled_at IS NULL", "ck_payment_rece"),
        ("UPDATE payment SET reversed_at = now() WHERE settled_at IS NULL", "ck_payment_reversed"),
        ("UPDATE receivable SET paid = total + 1", "ck_receivable_due"),
        ("UPDATE purchase_order SET rejected_at = now()", "ck_purchase_order_decided_once"),
        ("UPDATE purchase_order SET amount = 0", "ck_purchase_order_amount"),
    ],
)
async def test_rows_that_cannot_be_true_are_refused(traded: World, sql: str, constraint: str) -> None:
    assert constraint in await refused(traded, sql)
