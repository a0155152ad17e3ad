"""Documents take their number when a transaction ends: drafts are collected while its functions run, then every series
draws its numbers with one UPDATE, so that the counter is held for as short as possible and after every other lock."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, OrderKey, Owed, Purse, Receipt, Usage
from services.billing.queries.numbers import draw_numbers
from services.billing.rules import (
    Charged,
    Credit,
    Original,
    Period,
    Placed,
    Quote,
    QuotedTax,
    SellerRow,
    charged_original,
)

Kind = TypeVar("Kind", bound="Draft")


@dataclass(kw_only=True)
class Draft:
    """What is known before the number; `id`, `seq` and `number` are set when the transaction ends."""

    series: ClassVar[str]
    sequences: ClassVar[tuple[str, ...]]

    account: Account
    seller: SellerRow
    prefix: str
    now: datetime
    cause: str | None
    id: int = 0
    seq: int = 0
    number: str = ""

    def take(self, seq: int, document_id: int) -> None:
        self.seq, self.id = seq, document_id
        self.number = f"{self.prefix}-{self.now.year}-{seq:06d}"


@dataclass(kw_only=True)
class InvoiceDraft(Draft):
    series: ClassVar[str] = "invoice"
    sequences: ClassVar[tuple[str, ...]] = ("invoice_id_seq", "charge_id_seq")

    purse: Purse
    order: Placed
    receipt: Receipt
    quote: Quote
    buyer: dict[str, Any]  # as printed
    charge_id: int = 0

    def take(self, seq: int, document_id: int, charge_id: int = 0) -> None:
        super().take(seq, document_id)
        self.charge_id = charge_id

    def as_charge(self) -> Charged:
        """For a cancellation in the same transaction; the invoice's number is filled in by then."""
        quote = self.quote
        return Charged(
            id=self.charge_id, source=self.order.source, order_id=self.order.id, request_id=self.order.request_id,
            account_id=self.account.id,
            division_id=self.order.division_id, currency=quote.currency, net=quote.net, tax=quote.tax,
            total=quote.total, entity_id=self.seller.number, category=quote.group.category, rate=quote.group.rate,
            invoice_id=self.id, invoice_number=self.number, charged_at=self.now, priced_on=quote.on,
        )  # fmt: skip


@dataclass(kw_only=True)
class CreditNoteDraft(Draft):
    """Over lines of an invoice, which may be of this very transaction. `pre_payment` of it lowered the amount due, as
    `owed` says where that counted as unpaid; the rest came to the funds, as `receipt` says."""

    series: ClassVar[str] = "credit_note"
    sequences: ClassVar[tuple[str, ...]] = ("credit_note_id_seq",)

    original: Original | InvoiceDraft
    credit: Credit
    order: OrderKey | None
    request_id: int  # by which the names of the invoice were added to it
    ends_part: bool
    pre_payment: int
    due_after: int
    purse: Purse | None
    receipt: Receipt | None
    owed: Owed | None
    reason: str
    issued_by: str | None

    @property
    def invoice(self) -> Original:
        """Its number is there when notes are written: invoices are before them."""
        original = self.original
        return charged_original(original.as_charge()) if isinstance(original, InvoiceDraft) else original

    @property
    def post_payment(self) -> int:
        return self.credit.total - self.pre_payment


@dataclass(kw_only=True)
class RequestDraft(Draft):
    """Asks for money to be deposited, without VAT and in a series of its own. `legacy`: where,
    under which number and when an older system had issued it; `paid_before`: what came there. `silent`: no mail."""

    series: ClassVar[str] = "payment_request"
    sequences: ClassVar[tuple[str, ...]] = ("invoice_id_seq",)

    kind: str
    buyer: dict[str, Any]
    division_id: int
    division_name: str
    currency: str
    amount: int
    description: str
    due_on: date
    purchase_order_id: int | None = None
    purchase_order_number: str | None = None
    funds_division_id: int | None = None
    period: Period | None = None
    legacy: tuple[str, str, date] | tuple[None, None, None] = (None, None, None)
    paid_before: int = 0
    note: str | None = None
    silent: bool = False


@dataclass(kw_only=True)
class UsageDraft(Draft):
    """A month's invoice over what a division used on account; `groups` are its VAT groups."""

    series: ClassVar[str] = "invoice"
    sequences: ClassVar[tuple[str, ...]] = ("invoice_id_seq",)

    purse: Purse
    buyer: dict[str, Any]
    division_id: int
    division_name: str
    period: Period
    due_on: date
    usage: Sequence[Usage]
    groups: Sequence[QuotedTax]
    owed: list[Owed] = field(default_factory=list)

    @property
    def net(self) -> int:
        return sum(group.net for group in self.groups)

    @property
    def tax(self) -> int:
        return sum(group.tax for group in self.groups)

    @property
    def total(self) -> int:
        return self.net + self.tax


def drafts(tx: AsyncSession, kind: type[Kind]) -> dict[Hashable, Kind]:
    """By what each is about: an order, a purchase order, a division's month."""
    kept: dict[Hashable, Kind] = tx.info.setdefault("drafts", {}).setdefault(kind, {})
    return kept


async def number(tx: AsyncSession, waiting: Iterable[Draft]) -> None:
    """Numbers rise in the order of the drafts, for each seller, series and year without a gap."""
    series: dict[tuple[int, str, int], list[Draft]] = {}
    for draft in waiting:
        series.setdefault((draft.seller.number, draft.series, draft.now.year), []).append(draft)
    for (entity_id, name, year), members in sorted(series.items()):
        drawn = await draw_numbers(tx, entity_id, name, year, len(members), *members[0].sequences)
        for draft, (seq, *ids) in zip(members, drawn, strict=True):
            draft.take(seq, *ids)
