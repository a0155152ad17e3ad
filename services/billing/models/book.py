"""The double-entry book. Amounts are integers in minor units; the postings of a journal entry sum to zero."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.models.base import Base
from services.billing.rules import printed
from services.billing.rules.low_funds import Seen
from shared.errors import Rejected


class Receipt:
    """What one change of the funds row left behind: its place in the row's history and the balance after it."""

    __slots__ = ("amount", "balance_after", "seq")

    def __init__(self, amount: int, seq: int, balance_after: int) -> None:
        self.amount, self.seq, self.balance_after = amount, seq, balance_after


class Owed:
    """What one change of what is owed on credit left behind."""

    __slots__ = ("accrued", "accrued_after", "division_id", "invoiced", "invoiced_after", "invoiced_seq", "seq")

    def __init__(self, funds: "Funds", accrued: int, invoiced: int) -> None:
        self.division_id, self.seq, self.invoiced_seq = funds.division_id, funds.owed_seq, funds.invoiced_seq
        self.accrued, self.invoiced = accrued, invoiced
        self.accrued_after, self.invoiced_after = funds.accrued, funds.invoiced


class Funds(Base):
    """The money of a division. The row of an account's top-level division is the account's lock and holds what its
    divisions share: the limit, whether each spends its own funds, and the credit that all rows together use."""

    __tablename__ = "funds"
    __table_args__ = (
        Index("ix_funds_account_id", "account_id"),
        CheckConstraint("negative_limit >= 0", "limit"),
        CheckConstraint("accrued >= 0 AND invoiced >= 0", "owed"),
    )

    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int]
    currency: Mapped[str]
    balance: Mapped[int]
    accrued: Mapped[int]  # owed on credit and not yet invoiced, gross
    invoiced: Mapped[int]  # due on usage invoices
    negative_limit: Mapped[int]
    unlimited: Mapped[bool]
    separate: Mapped[bool]
    used_credit: Mapped[int]
    seq: Mapped[int]
    owed_seq: Mapped[int]
    invoiced_seq: Mapped[int]

    @property
    def unpaid(self) -> int:
        return self.accrued + self.invoiced

    @property
    def used(self) -> int:
        """The credit that this row uses."""
        return max(0, self.accrued + self.invoiced - self.balance)


class Purse:
    """What a division spends: its own row where funds are separate, else the top-level one's; with the row that holds
    the account's one limit. Whoever changes it has locked the top-level row first."""

    __slots__ = ("own", "top")

    def __init__(self, own: Funds, top: Funds) -> None:
        self.own, self.top = own, top

    @property
    def division_id(self) -> int:
        return self.own.division_id

    @property
    def currency(self) -> str:
        return self.top.currency

    @property
    def unlimited(self) -> bool:
        return self.top.unlimited

    @property
    def used_elsewhere(self) -> int:
        return self.top.used_credit - self.own.used

    @property
    def available(self) -> int:
        return self.own.balance + self.top.negative_limit - self.own.unpaid - self.used_elsewhere

    @property
    def seen(self) -> Seen:
        return Seen(self.own.balance if self.unlimited else self.available, self.unlimited)

    def covers(self, amount: int) -> bool:
        return self.top.unlimited or amount <= self.available

    def refuse_beyond(self, amount: int, whose: str, wish: str) -> None:
        if not self.covers(amount):
            have = printed(self.available, self.currency)
            raise Rejected(f"{whose} has {have} {self.currency} available; {wish} at most that.", "insufficient_funds")

    def shortfall(self, amount: int) -> int:
        return 0 if self.covers(amount) else amount - self.available

    def change(self, amount: int) -> Receipt:
        """Positive: money comes in. The caller has asked `covers` under the same lock where that is the rule."""
        own, before = self.own, self.own.used
        own.balance += amount
        own.seq += 1
        if own.used != before:
            self.top.used_credit += own.used - before
        return Receipt(amount, own.seq, own.balance)

    def owe(self, accrued: int = 0, invoiced: int = 0) -> Owed:
        """Positive: more is owed on credit; recorded usage accrues, its invoice moves it to what is invoiced."""
        own, before = self.own, self.own.used
        own.accrued += accrued
        own.invoiced += invoiced
        own.owed_seq += 1
        own.invoiced_seq += invoiced != 0
        self.top.used_credit += own.used - before
        return Owed(own, accrued, invoiced)


class Journal(Base):
    """`at`: when it was booked, so that it rises with the `seq` of every division and a period is a run of places.
    `subject_id`: the charge, the credit note or the payment behind an entry of that kind; of an opening balance, whose
    it is."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_account_id_at", "account_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    text: Mapped[str]
    order_source: Mapped[str | None]
    order_id: Mapped[int | None]
    subject_id: Mapped[int | None]


class Posting(Base):
    """`ledger`: funds:14, revenue:1, vat:1:S:19, clearing:wire_transfer. Funds rise with positive amounts; `seq`,
    `balance_after` and `type` stand on the postings of funds only, and `seq` counts 1..n there. `id` is what the API
    calls an adjustment: below 2^31, where a division's number and a place in its history would not fit."""

    __tablename__ = "posting"
    __table_args__ = (
        UniqueConstraint("division_id", "seq"),
        CheckConstraint("num_nulls(division_id, seq, balance_after, type) IN (0, 4)", "place"),
        Index("ix_posting_type", "division_id", "type", "seq", postgresql_where=text("division_id IS NOT NULL")),
        Index("ix_posting_ledger", "ledger"),
        Index("uq_posting_id", "id", unique=True, postgresql_where=text("division_id IS NOT NULL")),
    )

    journal_id: Mapped[UUID] = mapped_column(ForeignKey("journal.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ledger: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    division_id: Mapped[int | None]
    seq: Mapped[int | None]
    balance_after: Mapped[int | None]
    type: Mapped[str | None]  # what the API calls it, on the postings of funds
    id: Mapped[int] = mapped_column(BigInteger, Identity())


class OnAccount(Base):
    """Whatever changed what a division owes on credit; `seq` counts 1..n for each row of funds, and times rise with it.
    `invoiced_seq` counts those that changed what is due on invoices: the rows of a statement. What is due on one
    invoice is the sum of the rows that name it. `owner_id`: the division whose usage, invoice or payment it is about.
    """

    __tablename__ = "on_account"
    __table_args__ = (
        Index("ix_on_account_journal_id", "journal_id"),
        Index(
            "uq_on_account_invoiced",
            "division_id",
            "invoiced_seq",
            unique=True,
            postgresql_where=text("invoiced <> 0"),
        ),
        Index(
            "ix_on_account_invoice_id",
            "invoice_id",
            "division_id",
            "seq",
            postgresql_include=["invoiced"],
            postgresql_where=text("invoice_id IS NOT NULL"),
        ),
        CheckConstraint("kind <> 'moved' OR (invoiced <> 0) = (invoice_id IS NOT NULL)", "moved"),
    )

    division_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]  # usage, released, invoice, payment, reversal, credit_note, moved
    owner_id: Mapped[int]
    accrued: Mapped[int]
    invoiced: Mapped[int]
    accrued_after: Mapped[int]
    invoiced_after: Mapped[int]
    invoiced_seq: Mapped[int]
    currency: Mapped[str]
    text: Mapped[str]
    invoice_id: Mapped[int | None]
    credit_note_id: Mapped[int | None]
    payment_id: Mapped[int | None]
    usage_id: Mapped[int | None]
    journal_id: Mapped[UUID] = mapped_column(ForeignKey("journal.id"))
