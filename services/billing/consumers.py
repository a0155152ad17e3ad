from sqlalchemy.ext.asyncio import AsyncSession

from services.billing import actions
from services.billing.queries import prefetch
from shared.db import utcnow
from shared.door import Door
from shared.events.billing import BillingCommandRefused, DepositFunds
from shared.events.orders import (
    AccountChanged,
    AccountOpened,
    DivisionAdded,
    OrderCancelled,
    OrderPlaced,
    OrderRejected,
)

door = Door("billing", refused=BillingCommandRefused)


@door.on(AccountOpened, prefetch=prefetch.for_account)
async def on_account_opened(event: AccountOpened, tx: AsyncSession) -> None:
    await actions.open_account(tx, event, tx.info["settings"].limits())


@door.on(AccountChanged, prefetch=prefetch.for_account)
async def on_account_changed(event: AccountChanged, tx: AsyncSession) -> None:
    await actions.change_account(tx, event)


@door.on(DivisionAdded, prefetch=prefetch.for_division)
async def on_division_added(event: DivisionAdded, tx: AsyncSession) -> None:
    await actions.add_division(tx, event)


@door.on(OrderPlaced, prefetch=prefetch.for_placed)
async def on_order_placed(event: OrderPlaced, tx: AsyncSession) -> None:
    await actions.take_order(tx, event, utcnow())


@door.on(OrderCancelled, prefetch=prefetch.for_ended)
async def on_order_cancelled(event: OrderCancelled, tx: AsyncSession) -> None:
    await actions.end_order(tx, event, utcnow())


@door.on(OrderRejected, prefetch=prefetch.for_ended)
async def on_order_rejected(event: OrderRejected, tx: AsyncSession) -> None:
    await actions.end_order(tx, event, utcnow())


@door.on(DepositFunds, prefetch=prefetch.for_deposit)
async def on_deposit_funds(event: DepositFunds, tx: AsyncSession) -> None:
    await actions.deposit_funds(
        tx, event.account_id, event.division_id, event.amount, event.method, event.reference, event.source, utcnow(),
        event.told_id,
    )  # fmt: skip
