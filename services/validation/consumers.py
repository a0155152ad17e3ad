from collections.abc import Sequence
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from services.validation import queries
from services.validation.actions import issuance, orders
from services.validation.rules.policy import Policy
from shared.db import utcnow
from shared.door import Door
from shared.events.orders import AboutOrder, CertificateIssued, OrderCancelled, OrderPlaced, OrderRejected
from shared.events.validation import AuthorizeIssuance, ValidationCommandRefused


def make_door(policy: Policy) -> Door:
    """Orders of any source are served; a foreign account needs no `account_opened`."""
    door = Door("validation", refused=ValidationCommandRefused)

    @door.on(OrderPlaced, prefetch=partial(queries.lock_for_placed, policy=policy))
    async def on_order_placed(event: OrderPlaced, tx: AsyncSession) -> None:
        await orders.prove_names(tx, policy, event, utcnow())

    @door.on(OrderCancelled, prefetch=lock_for_ended)
    async def on_order_cancelled(event: OrderCancelled, tx: AsyncSession) -> None:
        await orders.end_need(tx, event.order, utcnow())

    @door.on(OrderRejected, prefetch=lock_for_ended)
    async def on_order_rejected(event: OrderRejected, tx: AsyncSession) -> None:
        await orders.end_need(tx, event.order, utcnow())

    @door.on(CertificateIssued, prefetch=lock_for_ended)
    async def on_certificate_issued(event: CertificateIssued, tx: AsyncSession) -> None:
        await orders.end_need(tx, event.order, utcnow())

    @door.on(AuthorizeIssuance, prefetch=partial(queries.lock_for_judgement, policy=policy))
    async def on_authorize_issuance(command: AuthorizeIssuance, tx: AsyncSession) -> None:
        await issuance.authorize_issuance(tx, policy, command, utcnow())

    return door


async def lock_for_ended(tx: AsyncSession, events: Sequence[AboutOrder]) -> None:
    await queries.lock_for_ended(tx, [event.order for event in events])
