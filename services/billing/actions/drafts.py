"""Documents take their number when a transaction ends: drafts are collected while its functions run, then every series
draws its numbers with one UPDATE, so that the counter is held for as short as possible and after every other lock."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from services.billing.models import Account, Funds, PurchaseOrder, Receipt
from services.billing.queries.numbers import draw_numbers
from services.billing.rules import Charged, Placed, Quote, SellerRow

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

    funds: Funds
    order: Placed
    receipt: Receipt
    quote: Quote
    charge_id: int = 0

    def take(self, seq: int, document_id: int, charge_id: int = 0) -> None:
        super().take(seq, document_id)
        self.charge_id = charge_id

    def as_charge(self) -> Charged:
        """For a cancellation in the same transaction; the invoice's number is filled in by then."""
        quote = self.quote
        return Charged(
            id=self.charge_id, source=self.order.source, order_id=self.order.id, account_id=self.account.id,
            division_id=self.order.division_id, currency=quote.currency, net=quote.net, tax=quote.tax,
            total=quote.total, entity_id=self.seller.number, category=quote.group.category, rate=quote.group.rate,
            invoice_id=self.id, invoice_number=self.number, charged_at=self.now,
        )  # fmt: skip


@dataclass(kw_only=True)
class CreditNoteDraft(Draft):
    series: ClassVar[str] = "credit_note"
    sequences: ClassVar[tuple[str, ...]] = ("credit_note_id_seq",)

    funds: Funds
    order: Placed
    receipt: Receipt
    charged: Charged | InvoiceDraft
    reason: str

    @property
    def charge(self) -> Charged:
        return self.charged.as_charge() if isinstance(self.charged, InvoiceDraft) else self.charged


@dataclass(kw_only=True)
class RequestDraft(Draft):
    """Asks for money to be deposited, without VAT and in a series of its own: billing-rules.md 4.2."""

    series: ClassVar[str] = "payment_request"
    sequences: ClassVar[tuple[str, ...]] = ("invoice_id_seq",)

    purchase_order: PurchaseOrder
    due_on: date


def drafts(tx: AsyncSession, kind: type[Kind]) -> dict[Hashable, Kind]:
    """By what each is about: an order, a purchase order."""
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
