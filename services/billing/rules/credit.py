"""What a credit note takes back: of a line at most what is left of it, VAT by the difference of cumulative rounded
values, so that the note that exhausts a group takes just what remains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services.billing.rules.direction import isolated
from services.billing.rules.facts import Charged
from services.billing.rules.money import decimals, half_up, printed
from services.billing.rules.quote import HUNDRED, Quote
from shared.errors import Conflict, NotFound, Rejected

Group = tuple[str, Decimal]  # VAT category, rate


@dataclass(frozen=True, slots=True)
class OpenLine:
    position: int
    description: str
    detail: Sequence[str]
    quantity: int
    unit_price: int
    net: int
    category: str
    rate: Decimal
    order: tuple[str, int] | None
    credited: int = 0

    @property
    def left(self) -> int:
        return self.net - self.credited

    @property
    def group(self) -> Group:
        return self.category, self.rate


@dataclass(frozen=True, slots=True)
class OpenGroup:
    category: str
    rate: Decimal
    net: int
    tax: int
    sentence: str | None
    accounting_currency: str | None
    accounting_tax: int | None
    exchange_rate: Decimal | None
    credited_net: int = 0
    credited_tax: int = 0
    credited_accounting: int = 0

    def more(self, net: int, currency: str) -> "OpenGroup":
        """With so much more of it credited."""
        if (so_far := self.credited_net + net) == self.net:
            return replace(
                self, credited_net=so_far, credited_tax=self.tax, credited_accounting=self.accounting_tax or 0
            )
        tax = half_up(so_far * self.rate / HUNDRED)
        return replace(self, credited_net=so_far, credited_tax=tax, credited_accounting=self._stated(tax, currency))

    def _stated(self, tax: int, currency: str) -> int:
        """As the invoice stated its own: in the seller's currency, by the invoice's rate."""
        if self.accounting_currency is None or self.exchange_rate is None:
            return 0
        return half_up((tax * self.exchange_rate).scaleb(decimals(self.accounting_currency) - decimals(currency)))


@dataclass(frozen=True, slots=True)
class CreditedLine:
    line: OpenLine
    net: int

    @property
    def quantity(self) -> int:
        """Of a part that is no number of pieces: one, at what it is credited with."""
        of = self.line
        if self.net == of.net:
            return of.quantity
        return self.net // of.unit_price if of.unit_price and self.net % of.unit_price == 0 else 1

    @property
    def unit_price(self) -> int:
        return self.net // self.quantity if self.quantity else self.line.unit_price


@dataclass(frozen=True, slots=True)
class CreditedGroup:
    before: OpenGroup
    after: OpenGroup

    @property
    def net(self) -> int:
        return self.after.credited_net - self.before.credited_net

    @property
    def tax(self) -> int:
        return self.after.credited_tax - self.before.credited_tax

    @property
    def accounting_tax(self) -> int | None:
        if self.before.accounting_currency is None:
            return None
        return self.after.credited_accounting - self.before.credited_accounting


@dataclass(frozen=True, slots=True)
class Credit:
    lines: tuple[CreditedLine, ...]
    groups: tuple[CreditedGroup, ...]
    net: int
    tax: int
    exhausts: bool  # nothing of the invoice is left after it

    @property
    def total(self) -> int:
        return self.net + self.tax

    @property
    def order(self) -> tuple[str, int] | None:
        """The one order that all its lines are of."""
        orders = {credited.line.order for credited in self.lines}
        return orders.pop() if len(orders) == 1 else None


class OpenInvoice:
    """What is left of an issued invoice, whose row or account is locked; of its lines those that are asked about."""

    __slots__ = ("currency", "groups", "lines")

    def __init__(self, currency: str, lines: Iterable[OpenLine], groups: Iterable[OpenGroup]) -> None:
        self.currency = currency
        self.lines = {line.position: line for line in lines}
        self.groups = {(group.category, group.rate): group for group in groups}

    @staticmethod
    def of_quote(quote: Quote, order: tuple[str, int]) -> "OpenInvoice":
        """As an invoice is made of it."""
        group = quote.group
        lines = (
            OpenLine(n, one.description, one.detail, one.quantity, one.unit_price, one.net, group.category, group.rate,
                     order)
            for n, one in enumerate(quote.lines, 1)
        )  # fmt: skip
        whole = OpenGroup(
            group.category, group.rate, group.net, group.tax, group.sentence, group.accounting_currency,
            group.accounting_tax, group.exchange_rate,
        )  # fmt: skip
        return OpenInvoice(quote.currency, lines, [whole])

    @property
    def left(self) -> int:
        """Gross."""
        return sum(g.net - g.credited_net + g.tax - g.credited_tax for g in self.groups.values())

    def all_left(self, positions: Iterable[int]) -> dict[int, int] | None:
        """None where nothing is. Lines that cost nothing belong to the first note, which then repeats the invoice."""
        lines = [self.lines[position] for position in positions]
        if any(line.credited for line in lines):
            return {line.position: line.left for line in lines if line.left} or None
        return {line.position: line.net for line in lines}

    def credit(self, wanted: Mapping[int, int]) -> Credit:
        """`wanted`: net by line, no more than is left. It counts as credited from here on."""
        nets: dict[Group, int] = {}
        for position, net in wanted.items():
            line = self.lines[position]
            self.lines[position] = replace(line, credited=line.credited + net)
            nets[line.group] = nets.get(line.group, 0) + net
        groups = []
        for key, net in nets.items():
            after = self.groups[key].more(net, self.currency)
            groups.append(CreditedGroup(self.groups[key], after))
            self.groups[key] = after
        lines = tuple(CreditedLine(self.lines[position], net) for position, net in sorted(wanted.items()))
        net, tax = sum(nets.values()), sum(group.tax for group in groups)
        return Credit(lines, tuple(groups), net, tax, self.left == 0)

    def refuse_unless_left(self, wanted: Mapping[int, int], number: str) -> None:
        for position, net in wanted.items():
            line = self.lines.get(position)
            if line is None:
                raise NotFound(
                    f"Invoice {number} has no line {position}; load the invoice and take the ids of its lines.",
                    "not_found|line",
                )
            if net <= 0:
                raise Rejected(
                    f"What is credited of line {position} is more than 0; leave the line out otherwise.",
                    "amount_not_positive",
                )
            if net > line.left:
                left, asked = printed(line.left, self.currency), printed(net, self.currency)
                raise Conflict(
                    f"Of line {position} of invoice {number}, {left} {self.currency} net are left to be credited, not "
                    f"{asked}; credit at most that.",
                    "more_than_left",
                )


@dataclass(frozen=True, slots=True)
class Original:
    """What a credit note has to say of the invoice that it corrects."""

    id: int
    number: str
    entity_id: int
    division_id: int
    currency: str
    how_paid: str


def charged_original(charge: Charged) -> Original:
    return Original(
        charge.invoice_id, charge.invoice_number, charge.entity_id, charge.division_id, charge.currency,
        charged_to_funds(charge.charged_at.date(), charge.id),
    )  # fmt: skip


def charged_to_funds(day: date, receipt: int) -> str:
    return f"Charged to account funds on {day}, receipt {receipt}."


WAYS = {None: "by other money that came to the account", "balance": "from the account funds"}


@dataclass(frozen=True, slots=True)
class Paid:
    """What one payment brought for an invoice. `method`: none where money that came otherwise settled it."""

    on: date
    amount: int
    method: str | None
    reference: str | None

    def said(self, currency: str) -> str:
        by = WAYS.get(self.method) or f"by {str(self.method).replace('_', ' ')}"
        named = f", reference {isolated(self.reference)}" if self.reference else ""
        return f"{printed(self.amount, currency)} {currency} paid on {self.on} {by}{named}"


NAMED = 5


def how_paid(paid: Sequence[Paid], due: int, currency: str) -> str:
    """Date, method and reference of each payment, as the customer's books have them."""
    said = [one.said(currency) for one in paid[:NAMED]]
    if len(paid) > NAMED:
        said.append(f"{len(paid) - NAMED} more payments")
    if due or not said:
        said.append(f"{printed(due, currency)} {currency} were due before this credit note")
    return f"{'; '.join(said)}."


def money_went(before: int, after: int, due: int, original: Original, day: date) -> str:
    """`before` lowered the amount due to `due`, `after` went to the funds."""
    currency = original.currency
    lowered = f"{printed(before, currency)} {currency} taken off what invoice {original.number} asks for"
    lowered += f", which is {printed(due, currency)} {currency} now."
    if not before:
        return f"Returned to the account funds on {day}."
    returned = f"{printed(after, currency)} {currency} returned to the account funds on {day}."
    return f"{lowered} {returned}" if after else lowered
