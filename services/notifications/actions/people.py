"""What notifications keeps of others: names of accounts, people, and whom an order is told to."""

from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications.models import Account, KnownOrder, Muted, Person
from services.notifications.queries.people import known_order
from services.notifications.rules.people import KINDS
from shared.db import add, locked_or_none
from shared.errors import Rejected
from shared.events.orders import AccountChanged, AccountOpened, OrderPlaced, UserChanged


async def learn_account(tx: AsyncSession, event: AccountOpened | AccountChanged) -> None:
    await _learn_name(tx, event.account.id, event.account.name, announced=True)


async def _learn_name(tx: AsyncSession, account_id: int, name: str, *, announced: bool) -> None:
    account = await locked_or_none(tx, Account, account_id)
    if account is None:
        add(tx, Account(id=account_id, name=name, announced=announced))
    elif announced or not account.announced:
        account.announced = announced or account.announced
        account.name = name


async def learn_order(tx: AsyncSession, event: OrderPlaced) -> None:
    await _learn_name(tx, event.account.id, event.account.name, announced=False)
    if await locked_or_none(tx, KnownOrder, (event.source, event.order_id)) is None:
        add(tx, known_order(event))


async def learn_person(tx: AsyncSession, event: UserChanged) -> None:
    user = event.user
    told = {
        "account_id": event.account_id, "name": user.name, "email": user.email, "role": user.role,
        "divisions": list(user.divisions), "active": user.is_active, "told_at": event.occurred_at,
    }  # fmt: skip
    person = await locked_or_none(tx, Person, user.id)
    if person is None:
        add(tx, Person(id=user.id, **told))
    elif person.told_at <= event.occurred_at:
        for name, value in told.items():
            setattr(person, name, value)


async def set_preferences(tx: AsyncSession, person_id: int, wanted: Iterable[str]) -> None:
    """All kinds of mail that the person wants; the others are switched off."""
    names, kept = {kind.name for kind in KINDS}, set(wanted)
    if strange := kept - names:
        raise Rejected(f"There is no kind of mail {min(strange)[:40]!r}; choose among {', '.join(sorted(names))}.")
    await tx.execute(delete(Muted).where(Muted.person_id == person_id))
    tx.add_all(Muted(person_id=person_id, kind=name) for name in sorted(names - kept))
