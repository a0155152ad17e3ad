"""What PostgreSQL itself refuses, whoever asks."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.billing.models.base import APPEND_ONLY
from tests.conftest import World
from tests.makers import a_cancellation, a_deposit, an_opened_account, an_order


async def a_book(shop: World) -> None:
    """Something in every table that only grows."""
    order = an_order()
    await shop.deliver("billing", an_opened_account())
    await shop.deliver("billing", a_deposit(100_000))
    await shop.deliver("billing", order, an_order(), an_order(product_name_id="ssl_gold"))
    await shop.deliver("billing", a_cancellation(order))


async def refused(shop: World, statement: str) -> str:
    """The savepoint of the transaction ends with the error; the book behind it stays."""
    with pytest.raises(DBAPIError) as error:
        await shop.rows("billing", statement)
    return str(error.value.orig)


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_what_was_written_is_neither_changed_nor_deleted(shop: World, table: str) -> None:
    await a_book(shop)
    [count] = await shop.rows("billing", f"SELECT count(*) AS rows FROM {table}")
    if not count.rows:
        pytest.fail(f"nothing in {table}, so this test could not fail")
    [column] = await shop.rows(
        "billing",
        "SELECT column_name AS name FROM information_schema.columns WHERE table_name = :table LIMIT 1",
        table=table,
    )

    for statement in (f"UPDATE {table} SET {column.name} = {column.name}", f"DELETE FROM {table}"):
        assert "append-only" in await refused(shop, statement)
    assert await shop.rows("billing", f"SELECT count(*) AS rows FROM {table}") == [count]


async def test_postings_that_do_not_sum_to_zero_are_refused_in_the_statement_that_writes_them(shop: World) -> None:
    await a_book(shop)
    one_cent_more = (
        "INSERT INTO posting SELECT journal_id, line + 100, ledger, CASE WHEN line = 1 THEN amount + 1 ELSE amount END,"
        " currency, NULL, NULL, NULL FROM posting"
    )

    assert "do not sum to zero" in await refused(shop, one_cent_more)


async def test_every_entry_of_the_book_sums_to_zero(shop: World) -> None:
    await a_book(shop)
    async with shop.billing.db.transaction() as tx:
        sums = (await tx.execute(text("SELECT sum(amount) FROM posting GROUP BY journal_id, currency"))).scalars().all()
    assert len(sums) >= 4
    assert set(sums) == {0}
