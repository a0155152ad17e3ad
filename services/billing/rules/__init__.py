from services.billing.rules.catalogue import Catalogue, Missing, PriceRow, RateRow, SellerRow, TaxRow
from services.billing.rules.facts import Charged, Placed, charged_from, placed_from, values_of
from services.billing.rules.money import LARGEST, allocate, decimals, from_text, half_up, printed
from services.billing.rules.quote import Quote, QuotedLine, QuotedTax, Wanted, make_quote

__all__ = [
    "LARGEST",
    "Catalogue",
    "Charged",
    "Missing",
    "Placed",
    "PriceRow",
    "Quote",
    "QuotedLine",
    "QuotedTax",
    "RateRow",
    "SellerRow",
    "TaxRow",
    "Wanted",
    "allocate",
    "charged_from",
    "decimals",
    "from_text",
    "half_up",
    "make_quote",
    "placed_from",
    "printed",
    "values_of",
]
