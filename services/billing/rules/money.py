"""Integers in minor units. No float is near an amount."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

from iso4217 import Currency

from shared.errors import Rejected

LARGEST = 10**15


@cache
def decimals(currency: str) -> int:
    """By ISO 4217; raises Rejected for what is no currency."""
    try:
        return Currency(currency).exponent or 0
    except ValueError:
        raise Rejected(f"{currency[:10]!r} is no ISO 4217 currency code; send one like EUR or USD.") from None


def half_up(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))


def from_text(text: str, currency: str) -> int:
    """Minor units of `1234.50`. More decimals than the currency has are refused, never rounded (contract T4)."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Rejected(f"{text[:40]!r} is no amount; send digits with a decimal point, like 250.00.") from None
    if not value.is_finite() or abs(value) > LARGEST:
        raise Rejected("The amount is not a number that can be booked; check it.")
    minor = value.scaleb(decimals(currency))
    if minor != minor.to_integral_value():
        raise Rejected(f"{text[:40]} has more decimals than {currency} has ({decimals(currency)}).")
    return int(minor)


def printed(amount: int, currency: str) -> str:
    """`-1234.50`, as the API says money."""
    places = decimals(currency)
    return f"{Decimal(amount).scaleb(-places):.{places}f}"


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Parts in proportion to the weights that add up exactly: largest remainder first, ties by order."""
    whole = sum(weights)
    if whole == 0:
        return [total, *([0] * (len(weights) - 1))] if weights else []
    sign, rest = (-1 if total < 0 else 1), abs(total)
    parts = [rest * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda n: (-(rest * weights[n] % whole), n))
    for n in by_remainder[: rest - sum(parts)]:
        parts[n] += 1
    return [sign * part for part in parts]
