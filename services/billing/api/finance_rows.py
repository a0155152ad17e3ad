"""The rows of balance history, as the API and statements say them: CertCentral's "Balance history"."""

from datetime import UTC, datetime
from typing import Any

from services.billing.queries.history import Entry
from services.billing.rules import printed
from shared.events.orders import SOURCE as OURS


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def container(division_id: int, name: str) -> dict[str, Any]:
    return {"id": division_id, "name": name, "is_active": True}


def order_out(source: str | None, order_id: int | None) -> dict[str, str]:
    """A bare number is our own order's; another system's has its source beside it."""
    if order_id is None:
        return {}
    return {"order_id": str(order_id)} | ({} if source in (None, OURS) else {"order_source": str(source)})


def entry_out(entry: Entry) -> dict[str, Any]:
    """An order's charge says its order and receipt, everything else has a note."""
    return {
        "id": str(entry.id),
        "container": container(entry.division_id, entry.division),
        "debit" if entry.is_debit else "credit": printed(abs(entry.amount), entry.currency),
        "transaction_type": entry.type,
        "receipt_id": str(entry.receipt_id or 0),
        "transaction_date": moment(entry.at),
        "balance_after": printed(entry.balance_after, entry.currency),
        "currency": entry.currency,
        **order_out(entry.order_source, entry.order_id),
        **({"imported": True} if entry.is_imported else {}),
        **({} if entry.order_id and entry.kind == "charge" and not entry.request_id else {"note": entry.text}),
    }
