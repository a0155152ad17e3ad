"""What notifications keeps of accounts, people and orders."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications.models import Account, KnownOrder, Muted, Person
from shared.db import lock_all
from shared.events.orders import AccountChanged, AccountOpened, OrderPlaced, UserChanged


async def lock_accounts(tx: AsyncSession, events: Sequence[AccountOpened | AccountChanged]) -> None:
    await lock_all(tx, Account, {event.account_id for event in events})


async def lock_people(tx: AsyncSession, events: Sequence[UserChanged]) -> None:
    await lock_all(tx, Person, {event.user.id for event in events})


async def lock_orders(tx: AsyncSession, events: Sequence[OrderPlaced]) -> None:
    await lock_all(tx, Account, {event.account_id for event in events})
    await lock_all(tx, KnownOrder, {(event.source, event.order_id) for event in events})
    told = {(event.source, event.order_id): known_order(event) for event in events}
    tx.info.setdefault("placed", {}).update(told)  # what is told of them in this very chunk finds them here


def known_order(event: OrderPlaced) -> KnownOrder:
    return KnownOrder(
        source=event.source, id=event.order_id, division_id=event.division.id, requester_id=event.placed_by_user,
        emails=list(event.additional_emails),
    )  # fmt: skip


async def muted_kinds(tx: AsyncSession, person_id: int) -> set[str]:
    return set(await tx.scalars(select(Muted.kind).where(Muted.person_id == person_id)))
