"""Amounts and times as a person reads them, the same on pages, documents and in mails."""

from datetime import UTC, date, datetime

from iso4217 import Currency


def exponent(currency: str) -> int:
    """Decimals of the currency by ISO 4217; display libraries have some of them wrong."""
    return Currency(currency).exponent or 0


def amount(minor: int, currency: str) -> str:
    """`1,234.50` with a true minus sign."""
    places = exponent(currency)
    whole, rest = divmod(abs(minor), 10**places)
    text = f"{whole:,}.{rest:0{places}d}" if places else f"{whole:,}"
    return f"−{text}" if minor < 0 else text


def money(minor: int, currency: str) -> str:
    return f"{amount(minor, currency)} {currency}"


def day(value: date | datetime | None) -> str:
    return value.strftime("%Y-%m-%d") if value else ""


def moment(value: datetime | None) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if value else ""
