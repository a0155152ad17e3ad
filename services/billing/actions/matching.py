"""Whose a bank line is, as far as its text says so beyond doubt. Nothing is changed here, and nothing guessed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import BankLine, Payment, Receivable
from services.billing.queries import bank
from services.billing.rules import invoice_numbers_in, printed, references_in
from shared.errors import DomainError

MOST_WORDS = 400


class Unclear(DomainError):
    """The line stays open with this sentence, and leads to the payment that it is about where there is one."""

    def __init__(self, message: str, payment_id: int | None = None) -> None:
        super().__init__(message)
        self.payment_id = payment_id


async def owner_of(tx: AsyncSession, line: BankLine, now: datetime) -> Payment | Sequence[Receivable]:
    """The payment that was announced for it, or that is it already; else the open invoices of one account that it
    names. Raises Unclear."""
    if recorded := await bank.recorded(tx, line):
        return recorded
    if line.gives_back:
        raise Unclear("The bank gives back what was sent from this account. Dismiss it, or assign it to a customer.")
    return await _payment_named(tx, line, now) or await _invoices_named(tx, line)


async def _payment_named(tx: AsyncSession, line: BankLine, now: datetime) -> Payment | None:
    named = await bank.payments_by_id(tx, list(dict.fromkeys(references_in(line.text))))
    pending = [one for one in named if one.status(now) == "pending"]
    if len(pending) > 1:
        raise Unclear(
            "It names several announced payments. Assign it to the account, with the numbers of the invoices."
        )
    if named and not pending:
        ended = named[0]
        raise Unclear(
            f"It names payment {ended.reference}, which is {ended.status(now)}. Assign it to account "
            f"{ended.account_id} if it is other money of it.",
            ended.id,
        )
    for one in pending:
        _refuse_currency(line, one.account_id, one.currency)
    return pending[0] if pending else None


async def _invoices_named(tx: AsyncSession, line: BankLine) -> Sequence[Receivable]:
    named = await bank.receivables(tx, invoice_numbers_in(line.text))
    still_due = [one for one in named if one.due]
    if named and not still_due:
        raise Unclear(f"It names invoice {named[0].number}, which is settled. Assign it as other money.")
    if not named:
        raise Unclear("It names neither an announced payment nor an invoice. Assign it to an account, or dismiss it.")
    if len({one.account_id for one in still_due}) > 1:
        raise Unclear("It names invoices of several accounts. Ask the payer, then assign it to one of them.")
    _refuse_currency(line, still_due[0].account_id, still_due[0].currency)
    return still_due


def _refuse_currency(line: BankLine, account_id: int, currency: str) -> None:
    if line.currency != currency:
        raise Unclear(
            f"It is in {line.currency}, and account {account_id} keeps its book in {currency}. Send it back, or "
            f"exchange it and deposit what it brought in {currency}."
        )


async def returned_by(tx: AsyncSession, line: BankLine) -> Payment:
    """The payment that it takes back, where that is reversed already. Raises Unclear: staff reverse payments."""
    words = list(dict.fromkeys(line.text.split()))[:MOST_WORDS]
    found = await bank.settled_payments(tx, words, list(references_in(line.text)), line.currency)
    payment = next((one for one in found if one.received == line.amount), found[0] if found else None)
    if payment is None:
        raise Unclear(
            "The bank took back money without naming a payment that is booked here. Find the payment and reverse it on "
            "its own page, then dismiss this line; or dismiss it."
        )
    if payment.received != line.amount:
        raise Unclear(
            f"The bank took back {printed(line.amount, line.currency)} of payment {payment.reference}, which brought "
            f"{printed(payment.received or 0, payment.currency)}. Settle the rest with the customer; dismiss this.",
            payment.id,
        )
    if not payment.reversed_at:
        raise Unclear(f"The bank took back payment {payment.reference}. Reverse it.", payment.id)
    return payment
