from typing import Any

from fastapi import Request

from services.billing.api.answers import page_of, without_none
from services.billing.api.exact import finance_router
from services.billing.api.finance_rows import container, entry_out, moment, order_out
from services.billing.queries import entries, history, purchases, receipts
from services.billing.queries.ledger_filters import (
    CONTAINER,
    HISTORY_FILTERS,
    HISTORY_SORT,
    PURCHASE_FILTERS,
    PURCHASE_SORT,
)
from services.billing.queries.receipts import Receipt
from services.billing.rules import printed
from shared.listing import parse_listing
from shared.web import Tx, Who, now

router = finance_router()


@router.get("/balance-history")
async def balance_history(request: Request, tx: Tx, caller: Who, own: bool = False) -> dict[str, Any]:
    """`own`: of the funds that the division had of its own, before the account's divisions shared them again."""
    listing = parse_listing(request.query_params.multi_items(), HISTORY_FILTERS, HISTORY_SORT, CONTAINER)
    total, rows = await entries.entries(tx, caller, listing, own)
    return {"adjustments": [entry_out(row) for row in rows], "page": page_of(total, listing)}


@router.get("/adjustment/{adjustment_id}")
async def adjustment(tx: Tx, caller: Who, adjustment_id: int) -> dict[str, Any]:
    return entry_out(await history.adjustment(tx, caller, adjustment_id))


@router.get("/purchase-history")
async def purchase_history(request: Request, tx: Tx, caller: Who) -> dict[str, Any]:
    listing = parse_listing(request.query_params.multi_items(), PURCHASE_FILTERS, PURCHASE_SORT, CONTAINER)
    total, rows = await purchases.purchase_history(tx, caller, listing)
    return {"order_transactions": [_purchase(row) for row in rows], "page": page_of(total, listing)}


def _purchase(row: dict[str, Any]) -> dict[str, Any]:
    """What was bought on account has no receipt: nothing was paid yet."""
    return {
        "id": str(row["id"]),
        "container": container(row["division_id"], row["division"]),
        **order_out(row["source"], row["order_id"]),
        "receipt_id": str(row["id"]) if row["paid_by"] == "balance" else "0",
        "amount": printed(row["total"], row["currency"]),
        "currency": row["currency"],
        "payment_type": row["paid_by"],
        "transaction_date": moment(row["at"]),
        "transaction_type": "purchase",
        "product_name": row["text"],
    }


@router.get("/receipt/{receipt_id}")
async def receipt(tx: Tx, caller: Who, receipt_id: int) -> dict[str, Any]:
    found = await receipts.receipt(tx, caller, receipt_id, now())
    return without_none(_receipt(found))


def _receipt(found: Receipt) -> dict[str, Any]:
    def money(amount: int) -> str:
        return printed(amount, found.currency)

    address, emails = found.buyer["address"] or {}, found.buyer.get("emails") or ()
    return {
        "id": str(found.id),
        "date_time": moment(found.at),
        "acct_amount": money(found.from_balance),
        "gross_amount": money(found.net),
        "tax_amount": money(found.tax),
        "currency": found.currency,
        "cc_amount": money(found.by_card),
        "bill_name": found.buyer["legal_name"] or found.buyer["name"],
        "bill_addr1": address.get("line1"),
        "bill_addr2": address.get("line2"),
        "bill_city": address.get("city"),
        "bill_state": address.get("region"),
        "bill_zip": address.get("postcode"),
        "bill_country": address.get("country"),
        "bill_email": emails[0] if emails else None,
        "billing_entity_id": found.entity,
    }
