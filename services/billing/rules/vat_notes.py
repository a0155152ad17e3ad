"""What has to be said about VAT beside the sentences of its groups."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Protocol

from services.billing.rules.money import printed


class Taxed(Protocol):
    @property
    def category(self) -> Any: ...
    @property
    def accounting_currency(self) -> Any: ...
    @property
    def accounting_tax(self) -> Any: ...
    @property
    def exchange_rate(self) -> Any: ...


def vat_notes(groups: Iterable[Taxed], seller_number: str | None, buyer_number: str | None) -> list[str]:
    told = list(groups)
    notes = []
    if any(group.category == "AE" for group in told):
        notes.append(f"VAT numbers: seller {seller_number}, buyer {buyer_number}.")
    return notes + [_stated(group) for group in told if group.accounting_currency and group.accounting_tax is not None]


def _stated(group: Taxed) -> str:
    rate: Decimal = group.exchange_rate
    return (
        f"VAT in {group.accounting_currency}: {printed(group.accounting_tax, group.accounting_currency)} (rate {rate})."
    )
