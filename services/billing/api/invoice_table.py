"""The list of invoices as a table of any length, page by page: amounts as text, for each row has its own currency."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from services.billing.clients.sheets import Cell, Column
from services.billing.models import Invoice
from services.billing.queries import documents, invoices
from services.billing.rules import printed
from services.billing.rules.direction import unforced
from shared.access import Caller
from shared.db import Database
from shared.events.orders import SOURCE as OURS
from shared.listing import Listing

COLUMNS = tuple(
    Column(name) for name in (
        "Invoice", "Kind", "State", "Account", "Division", "Order", "Order of", "Names added by request", "PO number",
        "Old number", "Issued on", "Due on", "Currency", "Net", "VAT", "Total", "Paid", "Credited", "Amount due",
    )
)  # fmt: skip


async def table_of(
    db: Database, caller: Caller, listing: Listing, first: Sequence[Any], size: int = invoices.AT_ONCE
) -> AsyncIterator[Sequence[Sequence[Cell]]]:
    """The newest first; `first`: its first page, which was read to see whether anything is refused."""
    rows = first
    while rows:
        yield [_cells(row) for row in rows]
        if len(rows) < size:
            return
        async with db.transaction() as tx:
            rows = await invoices.page_of_all(tx, caller, listing, rows[-1].Invoice.id, size)


def _cells(row: Any) -> list[Cell]:
    invoice: Invoice = row.Invoice
    standing = documents.standing_of(row)
    money = [invoice.net, invoice.tax, invoice.total, standing.paid, standing.credited, standing.due]
    return [
        invoice.number, invoice.kind, standing.status, str(invoice.account_id), unforced(invoice.division_name),
        str(invoice.order_id or ""), "" if invoice.order_source == OURS else invoice.order_source or "",
        str(invoice.request_id or ""), invoice.purchase_order_number or "", invoice.legacy_number or "",
        invoice.issued_on.isoformat(), invoice.due_on.isoformat(), invoice.currency,
        *(printed(amount, invoice.currency) for amount in money),
    ]  # fmt: skip
