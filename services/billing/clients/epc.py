from decimal import Decimal
from typing import Any

from segno import helpers

LARGEST = Decimal("999999999.99")


def epc_qr(bank: dict[str, Any], amount: str, reference: str) -> str | None:
    """A credit transfer for a banking app (EPC069-12) as inline SVG; none for an amount that the standard has no room
    for."""
    if Decimal(amount) > LARGEST:
        return None
    code = helpers.make_epc_qr(
        name=str(bank["name"])[:70],
        iban=str(bank["iban"]),
        amount=Decimal(amount),
        text=reference,
        bic=bank.get("bic") or None,
    )
    svg: str = code.svg_inline(scale=4, dark="#14181f", light="#ffffff", border=3, title="QR code for a SEPA transfer")
    return svg
