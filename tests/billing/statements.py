"""An account with a history as statements need it: rows by SQL, since what matters here is days and places."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from services.billing.rules import entry_type
from shared.events.orders import Division, DivisionAdded
from shared.ids import new_id
from tests.billing.makers import take_key
from tests.conftest import World
from tests.makers import NOW, a_cancellation, a_deposit, an_account, an_opened_account, an_order

API = "/services/v2/finance"
LABS, OTHER = Division(id=16, name="Labs"), Division(id=15, name="Main")


async def ask(world: World, path: str, key: str | None = "key", accept: str = "*/*", **parameters: Any) -> Any:
    async with world.client(key, Accept=accept) as http:
        return await http.get(API + path, params=parameters)


async def open_accounts(world: World) -> None:
    """Account 9001 with the divisions 14 (top-level) and 16, account 9002 with 15; a key of each."""
    other = an_account(id=9002, name="Globex")
    await world.deliver("billing", an_opened_account(), DivisionAdded(occurred_at=NOW, account_id=9001, division=LABS))
    await world.deliver("billing", an_opened_account(account=other).model_copy(update={"division": OTHER}))
    await take_key(world, "key")
    await take_key(world, "other", account_id=9002)


async def trade(world: World) -> None:
    """Deposit 1000.00, order 1 of Main, order 2 of Labs (cancelled), order 3 of the shop; each 177.31."""
    second = an_order(order_id=2, division=LABS)
    await world.deliver("billing", a_deposit(100_000, reference="SEPA 88"))
    await world.deliver("billing", an_order(order_id=1), second, an_order("shop", order_id=3))
    await world.deliver("billing", a_cancellation(second))


ROW = text("""
WITH f AS (UPDATE funds SET balance = balance + :amount, seq = seq + 1 WHERE division_id = :division RETURNING *),
j AS (INSERT INTO journal (id, account_id, at, kind, text) SELECT :id, account_id, :at, :kind, :text FROM f)
INSERT INTO posting (journal_id, line, ledger, amount, currency, division_id, seq, balance_after, type)
SELECT :id, 1, 'funds:' || division_id, CAST(:amount AS bigint), currency, division_id, seq, balance, :type FROM f
UNION ALL SELECT :id, 2, 'clearing', -CAST(:amount AS bigint), currency, NULL, NULL, NULL, NULL FROM f
""")


async def book(
    world: World, at: datetime, amount: int, words: str = "Transfer", kind: str = "transfer", division: int = 14
) -> None:
    async with world.billing.db.transaction() as tx:
        given = {"division": division, "amount": amount, "kind": kind, "type": entry_type(kind, amount)}
        await tx.execute(ROW, given | {"id": new_id(), "at": at, "text": words})


def day(number: int, hour: int = 12) -> datetime:
    """Of October 2026, which is over."""
    return datetime(2026, 10, 1, hour, tzinfo=UTC) + timedelta(days=number - 1)


async def october(world: World) -> None:
    """Before it 100.00; on the 1st at midnight −40.00, on the 10th 5.00, in its last second −90.00; after it 1.00."""
    await book(world, datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC), 10_000, "Before")
    await book(world, day(1, 0), -4_000, "First")
    await book(world, day(10), 500, "Second")
    await book(world, datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC), -9_000, "Third")
    await book(world, day(32, 0), 100, "After")


OCTOBER: dict[str, Any] = {"container_id": 14, "from": "2026-10-01", "to": "2026-10-31"}
