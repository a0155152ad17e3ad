"""What people and integrations look at, of a customer with two fifths of the book."""

from datetime import UTC, datetime, timedelta

from benchmarks.large_book import FIRST, Size

API, PAGE = "/services/v2/finance", "/finance"


def views(size: Size) -> dict[str, str]:
    """What a customer looks at; the middle of a list is as near as its beginning."""
    month = (datetime.now(UTC).date().replace(day=1) - timedelta(days=1)).replace(day=1)
    days, before = f"{month}...{month + timedelta(days=27)}", size.invoices // 2
    orders, history = f"{API}/purchase-order", f"{API}/balance-history?container_id={FIRST}"
    return {
        "balance": f"{API}/balance?container_id={FIRST}",
        "balance history, newest": f"{history}&limit=100",
        "balance history, of a day": f"{history}&filters[transaction_date]={month}&limit=100",
        "balance history, charges": f"{history}&filters[adjust_type]=Charge&limit=100",
        "purchase history, newest": f"{API}/purchase-history?container_id={FIRST}&limit=100",
        "purchase history, of a day": f"{API}/purchase-history?container_id={FIRST}"
        f"&filters[transaction_date]={month}&limit=100",
        **{f"invoices, {name}": f"{API}/invoice?{query}&limit=100" for name, query in INVOICES.items()},
        "invoices, of a division": f"{API}/invoice?container_id={FIRST}&limit=100",
        "invoices, issued in a month": f"{API}/invoice?filters[date_issued]={days}&limit=100",
        "invoices, due in a month": f"{API}/invoice?filters[date_due]={days}&limit=100",
        "invoices, largest": f"{API}/invoice?sort=-total_amount&limit=100",
        "invoices, in the middle": f"{API}/invoice?offset={size.invoices // 5}&limit=100",
        "purchase orders, newest": f"{orders}?limit=100",
        "purchase orders, pending": f"{orders}?filters[status]=pending&limit=100",
        "purchase orders, approved": f"{orders}?filters[status]=approved&limit=100",
        "purchase orders, by number": f"{orders}?filters[po_number]=PO-1&limit=100",
        "purchase orders, of a month": f"{orders}?filters[date_created]={days}&limit=100",
        "page: invoices": f"{PAGE}/invoices",
        "page: invoices, in the middle": f"{PAGE}/invoices?before={before}",
        "page: invoices, open ones": f"{PAGE}/invoices?status=open",
        "page: invoices, found": f"{PAGE}/invoices?search=INV-2026-0000001",
        "page: one invoice": f"{PAGE}/invoices/{before - before % 5 + 1}",
        "page: pay": f"{PAGE}/pay",
        "page: purchase orders": f"{PAGE}/purchase-orders",
        "page: statement of a month": f"{PAGE}/statement?container_id={FIRST}&from={month}",
        "statement, first rows": f"{API}/statement?container_id={FIRST}&from={month}&limit=100",
        "page: payments": f"{PAGE}/payments",
        **{f"{STAFF} invoices, {name}": f"{API}/invoice?{query}&limit=100" for name, query in OF_ALL.items()},
    }


STAFF = "staff:"
OF_ALL = {
    "newest": "",
    "open": "filters[status]=open",
    "overdue": "filters[status]=overdue",
    "by PO number": "filters[po_number]=PO-1",
    "searched": "filters[search]=INV-2026-0000001",
    "issued in a day": f"filters[date_issued]={datetime.now(UTC).date() - timedelta(days=40)}",
}
INVOICES = {
    "newest": "",
    "open": "filters[status]=open",
    "overdue": "filters[status]=overdue",
    "paid": "filters[status]=paid",
    "credited": "filters[status]=credited",
    "payment requests": "filters[kind]=purchase_order",
    "by PO number": "filters[po_number]=PO-1",
    "by number": "filters[invoice_number]=INV-2026-0000001",
    "by beginning of number": "filters[invoice_number]=INV-2026-000001%25",
    "by legacy number": "filters[legacy_number]=O-2",
    "by order": "filters[order_id]=1",
    "searched": "filters[search]=INV-2026-0000001",
}
