"""Integers in minor units. No float is near an amount."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from iso4217 import Currency

from shared.errors import Rejected

LARGEST = 10**15
AMOUNT = re.compile(r"(?P<whole>-?[0-9]{1,16})(\.(?P<fraction>[0-9]{1,20}))?")  # no exponent, no _ and no other script


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
    found = AMOUNT.fullmatch(text)
    if found is None:
        raise Rejected(f"{text[:40]!r} is no amount; send digits with a decimal point, like 250.00.")
    places, fraction = decimals(currency), (found["fraction"] or "").rstrip("0")
    if len(fraction) > places:
        raise Rejected(f"{text[:40]} has more decimals than {currency} has ({places}).")
    minor = int(found["whole"] + fraction.ljust(places, "0"))
    if abs(minor) > LARGEST * 10**places:
        raise Rejected(f"{text[:40]} is more than can be booked at once; check it.")
    return minor


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
