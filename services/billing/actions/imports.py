"""An older system hands over: invoices over approved purchase orders, and what divisions had or owed. Once each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import account_with, funds_of, purse_of
from services.billing.actions.book import Entry, post
from services.billing.actions.debts import bring
from services.billing.actions.drafts import RequestDraft
from services.billing.actions.issue import draft
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Division, Invoice, OpeningBalance, Purse
from services.billing.queries.catalogue import catalogue
from services.billing.queries.imports import Old, imported_balance, imported_invoice, imports
from services.billing.rules import SellerRow, isolated, seller_for
from services.billing.rules.imports import OldBalance, OldInvoice, refuse_balance, refuse_invoice, refuse_other
from shared.db import append, known, remember_read
from shared.errors import DomainError, NotFound
from shared.events.base import Money


@dataclass(frozen=True)
class ImportedInvoice:
    """`invoice` has its id and number once the transaction's numbers are drawn."""

    invoice: Invoice | RequestDraft
    is_new: bool


@dataclass(frozen=True)
class ImportedBalance:
    balance: OpeningBalance
    is_new: bool


Answer = ImportedInvoice | ImportedBalance | DomainError


async def import_all(tx: AsyncSession, olds: Sequence[Old], who: str, now: datetime) -> list[Answer]:
    """One answer for each; of what is refused nothing is written."""
    return [await _answer(tx, old, who, now) for old in olds]


async def _answer(tx: AsyncSession, old: Old, who: str, now: datetime) -> Answer:
    try:
        division = await known(tx, Division, old.division_id)
        if division is None:
            raise NotFound(f"There is no division {old.division_id}; check its number.", "not_found|container")
        if isinstance(old, OldInvoice):
            return await import_invoice(tx, division.account_id, old, now)
        return await import_balance(tx, division.account_id, old, who, now)
    except DomainError as refused:
        return refused


async def import_invoice(
    tx: AsyncSession, account_id: int, old: OldInvoice, now: datetime, cause: str | None = None
) -> ImportedInvoice:
    """Raises Conflict where the same old number was imported with other content."""
    account, division = await account_with(tx, account_id, old.division_id)
    refuse_invoice(old, account.currency, now.date())
    await funds_of(tx, account)
    if found := await imported_invoice(tx, old.key):
        there, invoice = found
        refuse_other(there, old, f"Invoice {old.number} of {old.source}")
        return ImportedInvoice(invoice, is_new=False)
    address = account.address_for(division)
    seller = seller_for(await catalogue(tx), address, account.currency, now.date(), "import again")
    made = _draft(account, division, old, seller, now, cause)
    imports(tx)[old.key] = old, made
    draft(tx, made, ("imported", *old.key))
    return ImportedInvoice(made, is_new=True)


def _draft(
    account: Account, division: Division, old: OldInvoice, seller: SellerRow, now: datetime, cause: str | None
) -> RequestDraft:
    return RequestDraft(
        account=account, seller=seller, prefix=seller.request_prefix, now=now, cause=cause, kind="purchase_order",
        division_id=division.id, division_name=division.name, currency=old.amount.currency, amount=old.amount.amount,
        description="Account funds", due_on=old.due_on, purchase_order_number=old.po_number,
        buyer=account.as_buyer(division),
        legacy=(old.source, old.number, old.issued_on), paid_before=old.paid.amount, note=old.note,
        silent=not old.notify,
    )  # fmt: skip


async def import_balance(
    tx: AsyncSession, account_id: int, old: OldBalance, who: str, now: datetime
) -> ImportedBalance:
    """It may pass the limit, for the money was spent elsewhere; charges wait then. Raises Conflict where another one
    was imported from the same source."""
    account, division = await account_with(tx, account_id, old.division_id)
    refuse_balance(old, account.currency, now.date())
    purse = await purse_of(tx, account, division.id)
    if there := await imported_balance(tx, old.key):
        refuse_other(_told(there), old, f"The balance of division {division.id} from {old.source}")
        return ImportedBalance(there, is_new=False)
    made = _open(tx, purse, division, old, who, now)
    remember_read(tx, OpeningBalance, {old.key: made})
    if made.amount > 0:
        ask_retry(tx, account.id)
    return ImportedBalance(made, is_new=True)


def _told(there: OpeningBalance) -> OldBalance:
    amount = Money(amount=there.amount, currency=there.currency)
    return OldBalance(there.division_id, there.legacy_source, amount, there.as_of, there.note)


def _open(
    tx: AsyncSession, purse: Purse, division: Division, old: OldBalance, who: str, now: datetime
) -> OpeningBalance:
    """Booked now, whatever day it was counted on: times rise with the places in a history."""
    amount, currency = old.amount.amount, old.amount.currency
    entries: list[Entry] = [
        (f"funds:{purse.division_id}", amount, bring(tx, purse, amount, now)),
        ("opening", -amount, None),
    ]
    text = f"Balance of {isolated(division.name)} on {old.as_of} from {isolated(old.source)}"
    text += f": {isolated(old.note)}" if old.note else ""
    journal_id = post(tx, division.account_id, "opening", text, currency, entries, now, subject_id=division.id)
    values: dict[str, Any] = {
        "legacy_source": old.source, "division_id": division.id, "account_id": division.account_id,
        "funds_division_id": purse.division_id, "amount": amount, "currency": currency, "as_of": old.as_of,
        "note": old.note, "imported_at": now, "imported_by": who, "journal_id": journal_id,
    }  # fmt: skip
    append(tx, OpeningBalance, **values)
    return OpeningBalance(**values)
