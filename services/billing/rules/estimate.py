"""What an order would cost. The only place where a price that is not there counts as 0: nothing is charged by it."""

from dataclasses import dataclass
from datetime import date

from services.billing.rules.catalogue import Catalogue, Missing
from services.billing.rules.quote import QuotedLine, Wanted, make_quote, priced_lines


@dataclass(frozen=True)
class Estimate:
    fqdns: int
    wildcards: int
    tax: int | None  # none: it cannot be said

    @property
    def net(self) -> int:
        return self.fqdns + self.wildcards

    @property
    def total(self) -> int:
        return self.net + (self.tax or 0)


def make_estimate(catalogue: Catalogue, wanted: Wanted, on: date) -> Estimate:
    lines = priced_lines(catalogue, wanted, on)
    if isinstance(lines, Missing):
        return Estimate(0, 0, 0)
    quote = make_quote(catalogue, wanted, on)
    wildcards = sum(line.net for line in lines if _is_wild(line, wanted))
    return Estimate(
        fqdns=sum(line.net for line in lines) - wildcards,
        wildcards=wildcards,
        tax=None if isinstance(quote, Missing) else quote.tax,
    )


def _is_wild(line: QuotedLine, wanted: Wanted) -> bool:
    """The base price goes with the first name it includes."""
    return next(iter(line.detail or wanted.names), "").startswith("*.")
