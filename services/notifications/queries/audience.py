"""To whom mails about orders, domains and organizations go: read for a whole chunk, in as many queries as for one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications import rules
from services.notifications.models import Account, KnownOrder, Message, Muted, Person
from services.notifications.rules.people import AUDIENCES, KIND_OF, MANAGERS, Why
from shared.db import lock_all, read_all
from shared.events import orders, validation

ToldToPeople = (
    orders.CertificateIssued
    | orders.CertificateExpiring
    | orders.CertificateRevoked
    | orders.RequestSubmitted
    | orders.RequestDecided
    | orders.OrderRejected
    | orders.OrganizationExpiring
    | validation.DomainValidationExpiring
    | validation.DomainValidationExpired
)
MOST_MANAGERS = 200  # of an account: whoever has more is not mailed better by telling all of them


@dataclass(frozen=True)
class Recipient:
    address: str
    why: Why


async def prepare(tx: AsyncSession, events: Sequence[ToldToPeople]) -> None:
    await read_all(tx, Account, {event.account_id for event in events})
    await read_all(tx, KnownOrder, {key for event in events if (key := _order_key(event))})
    await _read_managers(tx, {event.account_id for event in events})
    await read_all(tx, Person, {number for event in events if (number := requester_of(tx, event))})
    await _read_muted(tx)
    await lock_all(tx, Message, {_key(tx, event, one) for event in events for one in audience(tx, event)})


async def _read_managers(tx: AsyncSession, account_ids: Iterable[int]) -> None:
    known: dict[int, list[Person]] = tx.info.setdefault("managers", {})
    missing = sorted(set(account_ids) - known.keys())
    known.update({account_id: [] for account_id in missing})
    query = select(Person).from_statement(text(OF_ACCOUNTS))
    given = {"accounts": missing, "roles": list(MANAGERS), "most": MOST_MANAGERS}
    for person in await tx.scalars(query, given) if missing else ():
        known[person.account_id].append(person)


OF_ACCOUNTS = """
SELECT p.* FROM unnest(CAST(:accounts AS bigint[])) AS a (id), LATERAL (
  SELECT * FROM person WHERE account_id = a.id AND role = ANY (CAST(:roles AS text[])) AND active
  ORDER BY id LIMIT :most) AS p
"""


async def _read_muted(tx: AsyncSession) -> None:
    people = {person.id for found in tx.info["managers"].values() for person in found}
    people |= {person.id for person in tx.info.get(("read", Person), {}).values() if person}
    rows = await tx.execute(select(Muted.person_id, Muted.kind).where(Muted.person_id.in_(people))) if people else ()
    tx.info.setdefault("muted", set()).update(tuple(row) for row in rows)


def _key(tx: AsyncSession, event: ToldToPeople, one: Recipient) -> Any:
    return rules.message_id(about(event), event.type, one.address)


def about(event: ToldToPeople) -> str:
    """What is told again is another mail: each number of days, each end of a validation."""
    match event:
        case orders.CertificateExpiring():
            return f"{event.subject}/certificate/{event.certificate_id}/{event.days}"
        case orders.CertificateIssued() | orders.CertificateRevoked():
            return f"{event.subject}/certificate/{event.certificate_id}"
        case orders.RequestSubmitted() | orders.RequestDecided():
            return f"{event.subject}/request/{event.request_id}"
        case orders.OrganizationExpiring():
            return f"{event.subject}/{event.level}/{event.validated_until:%Y-%m-%d}/{event.days}"
        case validation.DomainValidationExpiring():
            return f"{event.subject}/{event.usable_until:%Y-%m-%d}/{event.days}"
        case validation.DomainValidationExpired():
            return f"{event.subject}/{event.usable_until:%Y-%m-%d}"
    return event.subject


def audience(tx: AsyncSession, event: ToldToPeople) -> list[Recipient]:
    """Each address once; persons who do not want this kind of mail are left out, addresses given with an order never
    are."""
    found: dict[str, Recipient] = {}
    for why in AUDIENCES[event.type]:
        for address in rules.recipients(tuple(_addresses(tx, event, why))):
            found.setdefault(address.casefold(), Recipient(address, why))
    return list(found.values())


def _addresses(tx: AsyncSession, event: ToldToPeople, why: Why) -> Iterator[str]:
    if why == "named":
        order = order_of(tx, event)
        yield from order.emails if order else ()
        return
    requester = tx.info[("read", Person)].get(requester_of(tx, event))
    people = tx.info["managers"][event.account_id] if why == "manager" else [requester]
    for person in people:
        if person and person.account_id == event.account_id and _is_told(tx, event, person, why):
            yield person.email


def _is_told(tx: AsyncSession, event: ToldToPeople, person: Person, why: Why) -> bool:
    """Nobody is asked to approve what is their own wish."""
    if not person.active or (person.id, KIND_OF[event.type]) in tx.info["muted"]:
        return False
    if why == "requester":
        return True
    own = isinstance(event, orders.RequestSubmitted) and person.id == requester_of(tx, event)
    return not own and person.looks_after(division_of(tx, event))


def _order_key(event: ToldToPeople) -> tuple[str, int] | None:
    return (event.source, event.order_id) if isinstance(event, orders.AboutOrder) else None


def order_of(tx: AsyncSession, event: ToldToPeople) -> KnownOrder | None:
    key = _order_key(event)
    found: KnownOrder | None = tx.info[("read", KnownOrder)].get(key) or tx.info.get("placed", {}).get(key)
    return found


def requester_of(tx: AsyncSession, event: ToldToPeople) -> int | None:
    """Of the request that this is about, else of the order."""
    order = order_of(tx, event)
    own: int | None = getattr(event, "requested_by_user", None)
    return own or (order.requester_id if order else None)


def division_of(tx: AsyncSession, event: ToldToPeople) -> int:
    order = order_of(tx, event)
    own: int | None = getattr(event, "division_id", None)
    return own or (order.division_id if order else 0)


def account_name(tx: AsyncSession, event: ToldToPeople) -> str:
    account: Account | None = tx.info[("read", Account)].get(event.account_id)
    return account.name if account else f"account {event.account_id}"
