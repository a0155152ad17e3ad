from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of
from services.billing.actions.book import Entry, post
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Division, Payment
from services.billing.rules import LARGEST, decimals, printed
from shared.db import known
from shared.errors import NotFound, Rejected
from shared.events.base import Money
from shared.events.billing import PaymentSettled
from shared.outbox import announce


async def deposit_funds(
    tx: AsyncSession, account_id: int, division_id: int, amount: Money, method: str, reference: str, who: str,
    now: datetime, cause: str | None = None,
) -> int:  # fmt: skip
    """Money that has arrived becomes funds. Raises NotFound for an unknown division, Rejected for another currency, an
    amount that cannot be booked, and for a reference that was booked before with the same method: it counts once."""
    account = await known(tx, Account, account_id)
    division = await known(tx, Division, division_id)
    if account is None or division is None or division.account_id != account_id:
        raise NotFound(
            f"There is no division {division_id} in account {account_id}; check both ids.", "not_found|container"
        )
    _check(amount, account.currency)
    funds = await funds_of(tx, account)
    payment_id = await _new_payment(tx, account_id, division_id, amount, method, reference, who, now)
    if payment_id is None:
        raise await _booked_before(tx, account_id, method, reference)
    receipt = funds.change(amount.amount)
    ask_retry(tx, account_id)
    text = f"Deposit, {reference}"
    entries: list[Entry] = [
        (f"clearing:{method}", -amount.amount, None),
        (f"funds:{funds.division_id}", amount.amount, receipt),
    ]
    post(tx, account_id, "deposit", text, amount.currency, entries, now)
    announce(
        tx,
        PaymentSettled(
            occurred_at=now, account_id=account_id, causation_id=cause, payment_id=payment_id, division_id=division_id,
            amount=amount, method=method, reference=reference, settled_at=now,
        ),
    )  # fmt: skip
    return payment_id


def _check(amount: Money, currency: str) -> None:
    decimals(amount.currency)
    if amount.currency != currency:
        raise Rejected(
            f"The account keeps its book in {currency}, not in {amount.currency}; send the amount in {currency}."
        )
    if amount.amount > LARGEST * 10 ** decimals(currency):
        raise Rejected(f"{printed(amount.amount, currency)} {currency} is more than can be booked at once; check it.")
    if amount.amount <= 0:
        raise Rejected(f"A deposit is more than 0; {printed(amount.amount, currency)} {currency} is not.")


async def _new_payment(
    tx: AsyncSession,
    account_id: int,
    division_id: int,
    amount: Money,
    method: str,
    reference: str,
    who: str,
    now: datetime,
) -> int | None:
    values = {
        "account_id": account_id, "division_id": division_id, "amount": amount.amount, "currency": amount.currency,
        "method": method, "reference": reference, "settled_at": now, "settled_by": who,
    }  # fmt: skip
    added = insert(Payment).values(values).on_conflict_do_nothing().returning(Payment.id)
    return (await tx.execute(added)).scalar_one_or_none()


async def _booked_before(tx: AsyncSession, account_id: int, method: str, reference: str) -> Rejected:
    same = (Payment.account_id == account_id) & (Payment.method == method) & (Payment.reference == reference)
    known_as = (await tx.scalars(select(Payment.id).where(same))).one()
    return Rejected(
        f"The reference {reference!r} was booked before as deposit {known_as}; one transfer counts once. Give another "
        "reference if this is other money.",
        "duplicate_reference",
    )
