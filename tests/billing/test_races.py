"""Many at once on connections of their own: exactly one wins, and the book is in order afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from services.billing.consumers import door
from services.billing.worker import try_waiting_orders
from shared.access import hash_key, take_credential
from shared.db import at_last
from shared.events.base import Event
from shared.events.orders import AccountOpened, CredentialChanged, Division
from shared.service import Service
from tests.billing.book import assert_in_order
from tests.makers import NOW, a_cancellation, a_deposit, an_account, an_order

PRICE = 17731
PEOPLE = range(9001, 9005)


async def apply(tx: AsyncSession, event: Event) -> None:
    listener = door.listeners[type(event)]
    if listener.prefetch:
        await listener.prefetch(tx, [event])
    await listener.apply(event, tx)


async def tell(service: Service, *events: Event) -> None:
    """Each event in a transaction of its own, all at the same time."""

    async def one(event: Event) -> None:
        async with service.db.transaction() as tx:
            await apply(tx, event)

    await asyncio.gather(*map(one, events))


async def open_accounts(service: Service, cents: int) -> None:
    """With a deposit, and a division that has the account's number."""
    for number in PEOPLE:
        account, division = an_account(id=number), Division(id=number, name="Main")
        await tell(service, AccountOpened(occurred_at=NOW, account_id=number, account=account, division=division))
        if cents:
            await tell(service, a_deposit(cents, account_id=number, division_id=number))


def order_of(number: int, **changed: Any) -> Any:
    return an_order(account=an_account(id=number), division=Division(id=number, name="Main"), **changed)


async def count(service: Service, table: str, where: str = "true") -> int:
    async with service.db.transaction() as tx:
        return int(await tx.scalar(text(f"SELECT count(*) FROM {table} WHERE {where}")) or 0)


async def retry_all(service: Service) -> None:
    while await try_waiting_orders(service.db):
        pass


async def test_of_many_charges_at_once_only_as_many_fit_as_the_funds_hold(alone: Service) -> None:
    await open_accounts(alone, PRICE * 3 + 100)

    await tell(alone, *[order_of(number) for number in PEOPLE for _ in range(8)])

    for number in PEOPLE:
        assert await count(alone, "charge", f"account_id = {number}") == 3
        assert await count(alone, "waiting_order", f"account_id = {number}") == 5
        assert await count(alone, "funds", f"account_id = {number} AND balance = 100") == 1
    await assert_in_order(alone.db)


async def test_numbers_have_no_gap_where_transactions_are_undone_after_they_were_drawn(alone: Service) -> None:
    await open_accounts(alone, PRICE * 20)

    async def place(number: int, undone: int) -> None:
        async with alone.db.transaction() as tx:
            await apply(tx, order_of(number))
            if undone:
                at_last(tx, fail)

    tries = [
        place(number, undone) for n in range(8) for number, undone in zip(PEOPLE, (n % 2, 0, 1, n % 3), strict=True)
    ]
    ended = await asyncio.gather(*map(allow_power_cut, tries))

    assert 5 < ended.count(True) < 30
    assert await count(alone, "invoice") == ended.count(True)
    assert await count(alone, "number_counter", f"last = {ended.count(True)}") == 1
    await assert_in_order(alone.db)


class PowerCut(Exception):
    pass


async def fail(_: AsyncSession) -> None:
    raise PowerCut


async def allow_power_cut(doing: Any) -> bool:
    try:
        await doing
    except PowerCut:
        return False
    return True


async def test_two_cancellations_at_once_give_one_credit_note_and_the_money_once(alone: Service) -> None:
    await open_accounts(alone, PRICE)
    order = order_of(9001)
    await tell(alone, order)

    await tell(alone, *[a_cancellation(order) for _ in range(6)])

    assert await count(alone, "credit_note") == 1
    assert await count(alone, "funds", f"account_id = 9001 AND balance = {PRICE} AND seq = 3") == 1
    await assert_in_order(alone.db)


async def test_the_same_order_told_to_two_members_at_once_is_charged_once(alone: Service) -> None:
    await open_accounts(alone, PRICE * 5)
    order = order_of(9001)

    ended = await asyncio.gather(*[tell(alone, order) for _ in range(5)], return_exceptions=True)

    assert all(one is None or isinstance(one, IntegrityError) for one in ended)
    assert await count(alone, "charge") == 1
    await assert_in_order(alone.db)


async def test_deposits_and_charges_at_once_lose_no_cent_and_no_order(alone: Service) -> None:
    await open_accounts(alone, 0)
    orders = [order_of(9001) for _ in range(10)]
    money = [a_deposit(PRICE, account_id=9001, division_id=9001) for _ in range(10)]

    await tell(alone, *[event for pair in zip(orders, money, strict=True) for event in pair])
    await retry_all(alone)

    assert await count(alone, "charge") == 10
    assert await count(alone, "funds", "account_id = 9001 AND balance = 0 AND seq = 20") == 1
    await assert_in_order(alone.db)


async def test_cancelling_a_waiting_order_against_the_money_that_would_charge_it(alone: Service) -> None:
    await open_accounts(alone, 0)
    orders = [order_of(number) for number in PEOPLE for _ in range(4)]
    await tell(alone, *orders)
    money = [a_deposit(PRICE * 4, account_id=number, division_id=number) for number in PEOPLE]
    await tell(alone, *money)

    await asyncio.gather(*[retry_all(alone) for _ in range(2)], tell(alone, *map(a_cancellation, orders)))

    assert await count(alone, "waiting_order") == 0
    assert await count(alone, "funds", f"balance = {PRICE * 4}") == len(PEOPLE)
    assert await count(alone, "charge") == await count(alone, "credit_note")
    await assert_in_order(alone.db)


async def test_two_workers_try_the_same_waiting_orders_and_charge_each_once_oldest_first(
    alone: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.billing.actions.retry.AT_ONCE", 4)
    await open_accounts(alone, 0)
    orders = [order_of(number) for _ in range(6) for number in PEOPLE]
    await tell(alone, *orders)
    await tell(alone, *[a_deposit(PRICE * 5, account_id=number, division_id=number) for number in PEOPLE])

    await asyncio.gather(*[retry_all(alone) for _ in range(4)])

    assert await count(alone, "charge") == 5 * len(PEOPLE)
    left = {order.order_id for order in orders[-len(PEOPLE) :]}
    assert await count(alone, "waiting_order", f"id IN ({', '.join(map(str, left))})") == len(PEOPLE)
    await assert_in_order(alone.db)


async def test_a_price_added_while_an_order_begins_to_wait_for_it_is_not_missed(alone: Service) -> None:
    await open_accounts(alone, PRICE)
    row = {"product": "brand_new", "description": "New", "years": 1, "currency": "EUR", "base": "10.00"}
    file = CatalogueFile.model_validate({"price": [row | {"valid_from": "2026-01-01"}]})

    async def add() -> None:
        async with alone.db.transaction() as tx:
            await actions.load_catalogue(tx, file, "tests", NOW)

    async with alone.db.transaction() as tx:
        await apply(tx, order_of(9001, product_name_id="brand_new"))
        adding = asyncio.create_task(add())
        await asyncio.sleep(0.1)
        assert not adding.done()
    await adding
    await retry_all(alone)

    assert await count(alone, "charge") == 1


@asynccontextmanager
async def operator(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.db.transaction() as tx:
        credential = CredentialChanged(
            occurred_at=NOW, credential_id="op", version=1, kind="api_key", account_id=0, user_id=1, user_name="Op",
            email="op@ca.example", role="operator", key_hash=hash_key("op"),
        )  # fmt: skip
        await take_credential(tx, credential)
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://b", headers={"X-DC-DEVKEY": "op"}) as http:
        yield http


DEPOSIT = {"container_id": 9001, "amount": "250.00", "reference": "SEPA 88"}


async def test_the_same_idempotency_key_at_once_books_once_and_gives_every_caller_the_same_answer(
    alone: Service,
) -> None:
    await open_accounts(alone, 0)
    async with operator(alone) as http:
        path, headers = "/services/v2/finance/deposit", {"Idempotency-Key": "k 1"}
        answers = await asyncio.gather(*[http.post(path, json=DEPOSIT, headers=headers) for _ in range(6)])
        other = await http.post(path, json=DEPOSIT | {"amount": "1.00"}, headers=headers)

    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "idempotency_key_reused")
    assert await count(alone, "payment") == 1
    await assert_in_order(alone.db)


async def test_the_same_reference_at_once_without_a_key_is_booked_once_and_refused_otherwise(alone: Service) -> None:
    await open_accounts(alone, 0)
    async with operator(alone) as http:
        answers = await asyncio.gather(*[http.post("/services/v2/finance/deposit", json=DEPOSIT) for _ in range(5)])

    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400]
    assert await count(alone, "funds", "account_id = 9001 AND balance = 25000 AND seq = 1") == 1
    await assert_in_order(alone.db)
