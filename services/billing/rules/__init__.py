from services.billing.rules.catalogue import Catalogue, Missing, PriceRow, RateRow, SellerRow, TaxRow
from services.billing.rules.money import allocate, decimals, from_text, half_up, printed
from services.billing.rules.quote import Quote, QuotedLine, QuotedTax, Wanted, make_quote

__all__ = [
    "Catalogue",
    "Missing",
    "PriceRow",
    "Quote",
    "QuotedLine",
    "QuotedTax",
    "RateRow",
    "SellerRow",
    "TaxRow",
    "Wanted",
    "allocate",
    "decimals",
    "from_text",
    "half_up",
    "make_quote",
    "printed",
]
