"""In which days a month's invoice supplied: EN 16931 BG-14. Orders are of the month; a subscription's line has days of
its own (BG-26), charged in advance, and the invoice's period has to hold them as well (PEPPOL-EN16931-R110)."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Invoice, Usage

Days = tuple[date, date]


async def days_supplied(tx: AsyncSession, invoices: Iterable[Invoice]) -> dict[int, Days]:
    """By invoice id, of those that are a month's; the others have no period."""
    ids = [one.id for one in invoices if one.kind == "usage"]
    if not ids:
        return {}
    first = func.coalesce(Usage.first_day, Invoice.period_first)
    last = func.coalesce(Usage.last_day, Invoice.period_last)
    query = select(Invoice.id, func.min(first), func.max(last)).join(Usage, Usage.invoice_id == Invoice.id)
    rows = await tx.execute(query.where(Usage.invoice_id.in_(ids)).group_by(Invoice.id))
    return {number: (begins, ends) for number, begins, ends in rows}
