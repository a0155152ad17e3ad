from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions.administration import account_to_manage
from services.orders.actions.credentials import tell_again
from services.orders.actions.divisions import new_division
from services.orders.actions.users import UserDetails, add_user, create_user
from services.orders.models import Account, Division
from services.orders.rules import people
from shared import audit
from shared.access import Caller
from shared.db import add
from shared.errors import Denied, Rejected
from shared.events import orders as facts
from shared.outbox import announce


@dataclass(frozen=True)
class AccountDetails:
    name: str
    currency: str
    legal_name: str | None = None
    address: dict[str, Any] | None = None
    vat_number: str | None = None
    buyer_reference: str | None = None
    billing_emails: tuple[str, ...] = ()


CHANGEABLE = ("name", "legal_name", "address", "vat_number", "buyer_reference", "billing_emails")


async def open_account(tx: AsyncSession, details: AccountDetails, top_level: str, now: datetime) -> Division:
    """The account with its top-level division; both are told in one fact."""
    division = await _open(tx, details, top_level, now)
    await tx.flush()  # what refers to it may follow in the same transaction
    return division


async def _open(
    tx: AsyncSession, details: AccountDetails, top_level: str, now: datetime, causation_id: str | None = None
) -> Division:
    account = Account(
        id=await queries.take_id(tx, Account),
        **_checked(details),
        currency=details.currency,
        default_payment_method="balance",
        opened_at=now,
    )
    add(tx, account)
    division = await new_division(tx, account, top_level, None, now)
    announce(
        tx,
        facts.AccountOpened(
            account_id=account.id, occurred_at=now, causation_id=causation_id, account=account.as_fact(),
            division=division.as_fact(),
        ),
    )  # fmt: skip
    return division


async def open_account_by_operator(
    tx: AsyncSession, caller: Caller, details: AccountDetails, top_level: str, administrator: UserDetails, now: datetime
) -> int:
    """The number of its administrator, who signs in by the one-time link that is made next."""
    if not caller.is_operator:
        raise Denied("Accounts are opened by the staff of the certificate authority.")
    division = await open_account(tx, details, top_level or details.name, now)
    audit.note(tx, caller.email, "account opened", f"account/{division.account_id}", None, {"name": details.name}, now)
    user = await create_user(tx, caller, division.account_id, administrator, now)
    return user.id


async def open_account_as_told(tx: AsyncSession, event: facts.OpenAccount, now: datetime) -> None:
    address = event.address.model_dump() if event.address else None
    details = AccountDetails(
        event.name, event.currency, event.legal_name, address, event.vat_number, event.buyer_reference,
        event.billing_emails,
    )  # fmt: skip
    division = await _open(tx, details, event.division or event.name, now, event.told_id)
    audit.note(tx, event.source, "account opened", f"account/{division.account_id}", None, {"name": event.name}, now)
    if event.administrator:
        first, last = event.administrator.first_name or "", event.administrator.last_name
        named = last or event.administrator.email.split("@")[0]
        first_user = UserDetails(event.administrator.email, first, named, "administrator")
        await add_user(tx, division.account, first_user, now)


async def change_account(
    tx: AsyncSession, caller: Caller, account_id: int | None, change: dict[str, Any], now: datetime
) -> Account:
    """Everything but its currency: a book keeps that for ever. Issued documents stay as they are."""
    account = await account_to_manage(tx, caller, account_id)
    before = {name: getattr(account, name) for name in CHANGEABLE}
    new = _checked(AccountDetails(**before | change | {"currency": account.currency}))
    if new == before:
        return account
    for name, value in new.items():
        setattr(account, name, value)
    audit.note(tx, caller.email, "account changed", f"account/{account.id}", before, new, now)
    announce(tx, facts.AccountChanged(account_id=account.id, occurred_at=now, account=account.as_fact()))
    if new["name"] != before["name"]:
        await tell_again(tx, await queries.users_of(tx, account.id), account, now)
    return account


def _checked(told: AccountDetails) -> dict[str, Any]:
    """What the fact would refuse is refused before anything is written."""
    given = {name: getattr(told, name) for name in (*CHANGEABLE, "currency")}
    given["name"] = people.needed(told.name, "The name of the account")
    given["billing_emails"] = [people.email(one) for one in told.billing_emails]
    try:
        sound = facts.Account.model_validate({"id": 1, **given})
    except ValidationError as error:
        fault = error.errors()[0]
        raise Rejected(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}.") from None
    kept = sound.model_dump(include=set(CHANGEABLE))
    return kept | {"billing_emails": list(sound.billing_emails)}
