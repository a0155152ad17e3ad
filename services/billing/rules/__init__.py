from services.billing.rules.catalogue import Catalogue, Missing
from services.billing.rules.chart import Chart, Point, draw
from services.billing.rules.dated import PriceRow, RateRow, SellerRow, TaxRow
from services.billing.rules.facts import Charged, Placed, charged_from, placed_from, values_of
from services.billing.rules.money import (
    LARGEST,
    allocate,
    decimals,
    from_text,
    half_up,
    in_each_exponent,
    printed,
    refuse_unbookable,
)
from services.billing.rules.period import Period, month_before, month_of, period_of
from services.billing.rules.quote import Quote, QuotedLine, QuotedTax, Wanted, make_quote
from services.billing.rules.references import reference_of, references_in
from services.billing.rules.standing import Standing

__all__ = [
    "LARGEST",
    "Catalogue",
    "Charged",
    "Chart",
    "Missing",
    "Period",
    "Placed",
    "Point",
    "PriceRow",
    "Quote",
    "QuotedLine",
    "QuotedTax",
    "RateRow",
    "SellerRow",
    "Standing",
    "TaxRow",
    "Wanted",
    "allocate",
    "charged_from",
    "decimals",
    "draw",
    "from_text",
    "half_up",
    "in_each_exponent",
    "make_quote",
    "month_before",
    "month_of",
    "period_of",
    "placed_from",
    "printed",
    "reference_of",
    "references_in",
    "refuse_unbookable",
    "values_of",
]
