"""The service one writes first: FastStream per message, the ORM, one commit each. Same pricing, same rows."""

import logging
from typing import Any

from faststream.kafka import KafkaBroker
from faststream.middlewares import AckPolicy
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.progress import Progress
from benchmarks.rows import Sale, facts_of, outbox_row, rows_of
from services.billing import models
from services.billing.queries.catalogue import catalogue
from services.billing.rules import Missing, Wanted, make_quote
from shared.db import utcnow
from shared.events.orders import TOPIC, OrderPlaced
from shared.inbox import inbox
from shared.outbox import outbox

KEPT: dict[str, Any] = {}  # the price list, read again once a second as Issuary does


async def consume(url: str, kafka: str, group: str, progress: Progress) -> None:
    engine = create_async_engine(url)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    broker = KafkaBroker(kafka, logger=logging.getLogger("naive"), log_level=logging.DEBUG)

    @broker.subscriber(
        TOPIC, group_id=group, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR, fetch_max_wait_ms=20
    )
    async def on_order_placed(event: OrderPlaced) -> None:
        progress.begin()
        async with sessions.begin() as tx:
            await charge_order(tx, event)
        progress.count(1)

    async with broker:
        await broker.start()
        await progress.finished.wait()
    await engine.dispose()


async def charge_order(tx: AsyncSession, event: OrderPlaced) -> None:
    if (await tx.execute(select(inbox.c.event_id).where(inbox.c.event_id == event.id))).first():
        return
    await tx.execute(insert(inbox).values(event_id=event.id, topic=event.topic))
    if await tx.get(models.Order, (event.source, event.order_id)):
        return
    account = await tx.get_one(models.Account, event.account_id)
    division = await tx.get_one(models.Division, event.division.id)
    funds = await tx.get_one(models.Funds, account.top_division_id, with_for_update=True)
    now = utcnow()
    tx.info["kept"] = KEPT
    quote = make_quote(await catalogue(tx), wanted(account, event), now.date())
    purse = models.Purse(funds, funds)
    if isinstance(quote, Missing) or not purse.covers(quote.total):
        raise AssertionError("the benchmark's orders can all be paid")
    receipt = purse.change(-quote.total)
    sale = Sale(
        event, account.as_buyer(division), funds.division_id, quote, receipt.seq, receipt.balance_after,
        await _next(tx, "invoice_id_seq"), await _next(tx, "charge_id_seq"),
        await _number(tx, quote.seller.number, now.year), now,
    )  # fmt: skip
    rows = rows_of(sale)
    for model, values in rows:
        if model is not models.Posting:
            tx.add(model(**values))
    await tx.flush()
    await tx.execute(insert(models.Posting).values([values for model, values in rows if model is models.Posting]))
    for fact in facts_of(sale):
        await tx.execute(insert(outbox).values(**outbox_row(fact, str(event.id))))


def wanted(account: models.Account, event: OrderPlaced) -> Wanted:
    return Wanted(
        account_id=account.id, product_name_id=event.product_name_id, years=event.term.years, days=event.term.days,
        names=event.names, currency=account.currency, buyer_country=(account.address or {}).get("country"),
        buyer_complete=bool(account.address), vat_number=account.vat_number,
    )  # fmt: skip


async def _next(tx: AsyncSession, sequence: str) -> int:
    return int(await tx.scalar(select(func.nextval(sequence))) or 0)


async def _number(tx: AsyncSession, entity_id: int, year: int) -> int:
    counter = await tx.get(models.NumberCounter, (entity_id, "invoice", year), with_for_update=True)
    if counter is None:
        counter = models.NumberCounter(entity_id=entity_id, series="invoice", year=year, last=0)
        tx.add(counter)
    counter.last += 1
    return counter.last
