from decimal import Decimal

from iso4217 import Currency

from shared.events.base import Money


def in_major_units(money: Money) -> Decimal:
    return Decimal(money.amount).scaleb(-(Currency(money.currency).exponent or 0))


def money_text(money: Money) -> str:
    return f"{in_major_units(money):,f} {money.currency}"
