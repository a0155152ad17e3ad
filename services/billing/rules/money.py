"""Integers in minor units. No float is near an amount."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from iso4217 import Currency

from shared.errors import Rejected

LARGEST = 10**15
AMOUNT = re.compile(r"(?P<whole>-?[0-9]{1,16})(\.(?P<fraction>[0-9]{1,20}))?")  # no exponent, no _ and no other script


CURRENCIES: dict[int, list[str]] = {}
for _one in Currency:
    CURRENCIES.setdefault(_one.exponent or 0, []).append(_one.code)


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


def in_each_exponent(text: str) -> list[tuple[int, list[str]]]:
    """The minor units that a text may stand for, each with its currencies; raises Rejected where it fits none."""
    found, refused = [], Rejected("")
    for currencies in CURRENCIES.values():
        try:
            found.append((from_text(text, currencies[0]), currencies))
        except Rejected as error:
            refused = error
    if not found:
        raise refused
    return found


def refuse_unbookable(amount: int, currency: str, book: str) -> None:
    """Raises Rejected for what is no amount of the book's currency."""
    largest = LARGEST * 10 ** decimals(currency)
    if currency != book:
        raise Rejected(f"The account keeps its book in {book}, not in {currency}; send the amount in {book}.")
    if amount > largest:
        raise Rejected(f"{printed(amount, currency)} {currency} is more than can be booked at once; check it.")
    if amount <= 0:
        raise Rejected(f"An amount is more than 0; {printed(amount, currency)} {currency} is not.")


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
