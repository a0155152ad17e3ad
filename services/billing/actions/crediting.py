"""Taking back what was invoiced: by staff, line by line, or because an order has ended. Locks: the account's funds, the
divisions' funds, the receivable."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.actions.accounts import funds_of, purse_of
from services.billing.actions.debts import bring, say_paid
from services.billing.actions.drafts import CreditNoteDraft, InvoiceDraft
from services.billing.actions.issue import draft, issue_drafts
from services.billing.actions.waiting import ask_retry
from services.billing.models import Account, Invoice, OrderKey, Purse, Receivable
from services.billing.queries.catalogue import catalogue
from services.billing.queries.creditable import LAST, open_invoices, open_lines, payments_for
from services.billing.rules import Credit, OpenInvoice, Original, charged_to_funds, how_paid, printed
from shared.db import known, locked_or_none, the
from shared.errors import Conflict, NotFound, Rejected


@dataclass(kw_only=True)
class Wish:
    """What a credit note is written for. `receivable`: none where the invoice was charged to the funds."""

    account: Account
    original: Original | InvoiceDraft
    entity_id: int
    division_id: int
    receivable: Receivable | None
    order: OrderKey | None
    request_id: int  # by which the names of the invoice were added to the order
    ends_part: bool
    reason: str
    who: str | None
    now: datetime
    cause: str | None


async def credit_invoice(
    tx: AsyncSession, invoice_id: int, lines: Mapping[int, int] | None, reason: str | None, who: str, now: datetime,
    seen: int | None = None,
) -> CreditNoteDraft:  # fmt: skip
    """`lines`: position → net, at most what is left of it; None for all that is left. `seen`: what was credited when
    somebody looked; Conflict where it is more by now, so that the same form sent twice credits once."""
    invoice = await known(tx, Invoice, invoice_id)
    if invoice is None:
        raise NotFound(f"There is no invoice {invoice_id}; check its id.", "not_found|invoice")
    if not (said := (reason or "").strip()):
        raise Rejected("A credit note is issued with a reason; it is printed on it.", "no_reason")
    account = await the(tx, Account, invoice.account_id)
    await funds_of(tx, account)
    receivable = await locked_or_none(tx, Receivable, invoice_id)
    left = await _open(tx, invoice, lines)
    if seen is not None and seen != invoice.total - left.left:
        raise Conflict(f"Invoice {invoice.number} was credited meanwhile; look at it again.", "stale_total")
    wanted = _wanted(invoice, receivable, left, lines)
    credit = left.credit(wanted)
    wish = Wish(
        account=account, original=await _original(tx, invoice, receivable), entity_id=invoice.entity_id,
        division_id=invoice.division_id, receivable=receivable, order=credit.order, request_id=invoice.request_id,
        ends_part=False, reason=said, who=who, now=now, cause=None,
    )  # fmt: skip
    drafted = await write_note(tx, wish, credit, ("invoice", invoice_id))
    await issue_drafts(tx)
    return drafted


async def _open(tx: AsyncSession, invoice: Invoice, lines: Mapping[int, int] | None) -> OpenInvoice:
    spans = [(invoice.id, 1, LAST)] if lines is None else [(invoice.id, at, at) for at in lines if 0 < at < LAST]
    await open_lines(tx, spans or [(invoice.id, 0, 0)], {invoice.id: invoice.currency}, {invoice.id})
    return open_invoices(tx)[invoice.id]


def _wanted(
    invoice: Invoice, receivable: Receivable | None, left: OpenInvoice, lines: Mapping[int, int] | None
) -> Mapping[int, int]:
    if left.left == 0:
        raise Conflict(f"Invoice {invoice.number} is credited already; nothing of it is left.", "nothing_left")
    if lines is not None and not lines:
        raise Rejected("Name the lines to credit, each with its net amount; or name none, for all.", "no_lines")
    if invoice.is_request and receivable:
        return _wanted_of_request(invoice, receivable, left, lines)
    if lines is None:
        return {line.position: line.left for line in left.lines.values() if line.left}
    left.refuse_unless_left(lines, invoice.number)
    return lines


def _wanted_of_request(
    invoice: Invoice, receivable: Receivable, left: OpenInvoice, lines: Mapping[int, int] | None
) -> Mapping[int, int]:
    """It asks for money and sold nothing: what was paid for it is in the funds, and is no more to be credited."""
    due, currency = receivable.due, invoice.currency
    if not due:
        raise Conflict(
            f"Invoice {invoice.number} is paid, and what was paid is in the funds; there is nothing to credit.",
            "nothing_left",
        )
    if lines is None:
        return {position: due for position in left.lines}
    left.refuse_unless_left(lines, invoice.number)
    if (asked := sum(lines.values())) > due:
        raise Conflict(
            f"Invoice {invoice.number} asks for {printed(due, currency)} {currency} now, so at most that is credited, "
            f"not {printed(asked, currency)}; what was paid for it is in the funds.",
            "more_than_due",
        )
    return lines


async def _original(tx: AsyncSession, invoice: Invoice, receivable: Receivable | None) -> Original:
    if receivable is None:
        paid = charged_to_funds(invoice.issued_on, invoice.receipt_id or 0)
    else:
        came = (await payments_for(tx, [invoice.id])).get(invoice.id, ())
        paid = how_paid(came, receivable.due, invoice.currency)
    return Original(invoice.id, invoice.number, invoice.entity_id, invoice.division_id, invoice.currency, paid)


async def write_note(tx: AsyncSession, wish: Wish, credit: Credit, about: Hashable) -> CreditNoteDraft:
    """Splits it: what lowers the amount due first, the rest goes to the funds."""
    receivable, total = wish.receivable, credit.total
    before = receivable.credit(total, wish.now.date()) if receivable else 0
    purse = await _purse(tx, wish)
    owed = purse.owe(invoiced=-before) if purse and before else None
    comes = purse is not None and (receivable is None or total > before)
    receipt = bring(tx, purse, total - before, wish.now) if purse and comes else None
    seller = (await catalogue(tx)).entity(wish.entity_id)
    drafted = CreditNoteDraft(
        account=wish.account, seller=seller, prefix=seller.credit_note_prefix, now=wish.now, cause=wish.cause,
        original=wish.original, credit=credit, order=wish.order, request_id=wish.request_id,
        ends_part=wish.ends_part, pre_payment=before, due_after=receivable.due if receivable else 0, purse=purse,
        receipt=receipt, owed=owed, reason=wish.reason, issued_by=wish.who,
    )  # fmt: skip
    draft(tx, drafted, about)
    if receivable and before and receivable.paid:
        say_paid(tx, receivable, wish.now, wish.cause)
    if purse:
        ask_retry(tx, wish.account.id)
    return drafted


async def _purse(tx: AsyncSession, wish: Wish) -> Purse | None:
    """Where its invoice counts as unpaid, or was charged; none where it only asked for money."""
    if wish.receivable is None:
        return await purse_of(tx, wish.account, wish.division_id)
    return await purse_of(tx, wish.account, wish.receivable.money_of) if wish.receivable.extends_credit else None
