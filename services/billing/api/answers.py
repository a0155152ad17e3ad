"""What answers of several nouns have in common."""

from collections.abc import Mapping
from typing import Any

from services.billing.models import CreditNoteLine, Line
from services.billing.rules import printed
from shared.listing import Listing


def without_none(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def page_of(total: int, listing: Listing) -> dict[str, int]:
    return {"total": total, "limit": listing.limit, "offset": listing.offset}


def line_out(line: Line | CreditNoteLine, currency: str) -> dict[str, Any]:
    return {
        "id": line.position,
        "description": line.description,
        "names": line.detail,
        "quantity": line.quantity,
        "unit_price": printed(line.unit_price, currency),
        "net_amount": printed(line.net, currency),
        "tax_rate": f"{line.rate:.2f}",
    }
