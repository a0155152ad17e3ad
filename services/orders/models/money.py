from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.events.base import Money
from shared.events.billing import (
    CreditNoteDocumentReady,
    CreditNoteIssued,
    InvoiceDocumentReady,
    InvoiceIssued,
    OrderCharged,
    OrderOnAccount,
    OrderReleased,
    OrderWaiting,
)


class MoneyFacts:
    """What billing said about an order; a part of the order's row. Amounts are minor units of `currency`."""

    paid_at: Mapped[datetime | None]
    currency: Mapped[str | None]
    net_amount: Mapped[int | None]
    tax_amount: Mapped[int | None]
    total_amount: Mapped[int | None]
    receipt_id: Mapped[int | None]
    invoice_id: Mapped[int | None]
    invoice_number: Mapped[str | None] = mapped_column(Text(collation="C"))
    invoice_path: Mapped[str | None]
    waiting_since: Mapped[datetime | None]
    waiting_reason: Mapped[str | None]
    waiting_message: Mapped[str | None]
    shortfall_amount: Mapped[int | None]
    released_at: Mapped[datetime | None]
    released_message: Mapped[str | None]
    credit_note_id: Mapped[int | None]
    credit_note_number: Mapped[str | None]
    credit_note_amount: Mapped[int | None]
    credit_note_to_funds: Mapped[int | None]  # of it; the rest was never paid, and is no longer asked for
    credit_note_path: Mapped[str | None]
    credited_at: Mapped[datetime | None]

    @property
    def total(self) -> Money | None:
        return self._money(self.total_amount)

    @property
    def net(self) -> Money | None:
        return self._money(self.net_amount)

    @property
    def tax(self) -> Money | None:
        return self._money(self.tax_amount)

    @property
    def shortfall(self) -> Money | None:
        return self._money(self.shortfall_amount)

    @property
    def credited(self) -> Money | None:
        return self._money(self.credit_note_amount)

    @property
    def is_waiting(self) -> bool:
        return self.waiting_since is not None and self.paid_at is None and self.released_at is None

    def _money(self, amount: int | None) -> Money | None:
        return None if amount is None or self.currency is None else Money(amount=amount, currency=self.currency)

    def note_charged(self, event: OrderCharged) -> bool:
        if self.paid_at:
            return False
        self.paid_at, self.receipt_id = event.occurred_at, event.receipt_id
        self._note_amounts(event)
        self.invoice_id, self.invoice_number = event.invoice_id, event.invoice_number
        self.waiting_reason, self.waiting_message, self.shortfall_amount = None, None, None
        return True

    def note_on_account(self, event: OrderOnAccount) -> bool:
        """Issuance may go on as if it were paid; the month's invoice asks for it."""
        if self.paid_at:
            return False
        self.paid_at = event.occurred_at
        self._note_amounts(event)
        self.waiting_reason, self.waiting_message, self.shortfall_amount = None, None, None
        return True

    def note_waiting(self, event: OrderWaiting) -> bool:
        """True where the reason or its sentence is news; a charge that is already known wins."""
        if self.paid_at or self.released_at:
            return False
        news = (self.waiting_reason, self.waiting_message) != (event.reason, event.message)
        self.waiting_since = self.waiting_since or event.occurred_at
        self.waiting_reason, self.waiting_message = event.reason, event.message
        self.shortfall_amount = event.shortfall.amount if event.shortfall else None
        if event.total:
            self.currency, self.total_amount = event.total.currency, event.total.amount
        return news

    def note_released(self, event: OrderReleased) -> bool:
        if self.released_at:
            return False
        self.released_at, self.released_message = event.occurred_at, event.message
        return True

    def note_invoice(self, event: InvoiceIssued) -> bool:
        if self.invoice_id == event.invoice_id and self.total_amount is not None:
            return False
        self.invoice_id, self.invoice_number = event.invoice_id, event.number
        self._note_amounts(event)
        return True

    def note_invoice_document(self, event: InvoiceDocumentReady) -> bool:
        if self.invoice_path:
            return False
        self.invoice_id, self.invoice_number, self.invoice_path = event.invoice_id, event.number, event.path
        return True

    def note_credit_note(self, event: CreditNoteIssued) -> bool:
        """The one that ends the order; parts may have been credited before."""
        if self.credited_at or not event.ends_order:
            return False
        self.credited_at, self.credit_note_id = event.occurred_at, event.credit_note_id
        self.credit_note_number, self.credit_note_amount = event.number, event.total.amount
        self.credit_note_to_funds = (event.post_payment or event.total).amount
        self.currency = event.total.currency
        return True

    def note_credit_note_document(self, event: CreditNoteDocumentReady) -> bool:
        if self.credit_note_path or not event.ends_order:
            return False
        self.credit_note_id, self.credit_note_number = event.credit_note_id, event.number
        self.credit_note_path = event.path
        return True

    def _note_amounts(self, event: OrderCharged | OrderOnAccount | InvoiceIssued) -> None:
        self.currency = event.total.currency
        self.net_amount, self.tax_amount, self.total_amount = event.net.amount, event.tax.amount, event.total.amount
