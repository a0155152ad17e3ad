"""Dated rows as staff give them, in a file, a form or a request; each field says in words what it takes."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from services.billing.rules.dated import PriceRow, RateRow, SellerRow, TaxRow
from services.billing.rules.digits import is_number
from services.billing.rules.hidden import refuse_hidden
from services.billing.rules.money import decimals, from_text
from shared.errors import Rejected

DAY = re.compile(r"20\d\d-\d\d-\d\d")
LARGEST_PRICE = 10**9  # of a name, in whole units: 250 names of it can still be booked
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
CALLED = {"iban": "IBAN", "bic": "BIC", "vat_number": "VAT number", "email": "E-mail", "account_id": "Account",
          "emails": "E-mail", "zip": "Postcode"}  # fmt: skip
ABSENT: tuple[Any, ...] = ("", None, [])


def _day(value: Any) -> Any:
    if isinstance(value, str) and not DAY.fullmatch(value):
        raise ValueError("no day")
    return value


def as_number(value: Any) -> Any:
    """Digits as a spreadsheet or form sends them, and nothing else that could be taken for a number."""
    return int(value) if isinstance(value, str) and is_number(value, 11) else value


def as_digits(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _more_than_nothing(rate: str) -> str:
    if not Decimal(rate):
        raise ValueError("a rate is more than 0")
    return rate


def _iban(text: str | None) -> str | None:
    """ISO 13616: with the first four characters last and letters as numbers, the rest of a division by 97 is 1."""
    if text is None:
        return None
    plain = text.replace(" ", "")
    if not IBAN.fullmatch(plain) or int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 != 1:
        raise ValueError("no IBAN")
    return plain


def said(takes: str) -> Any:
    return Field(description=takes)


def unhidden(text: str | None, field: ValidationInfo) -> str | None:
    refuse_hidden(called(str(field.field_name)), text or "")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255), AfterValidator(unhidden)]
Day = Annotated[date, BeforeValidator(_day), said("a day from 2000 to 2099, like 2027-01-31")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), said("a country's two capital letters, like DE")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), said("a currency's three capital letters, like EUR")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,10}$"), said("1 to 10 capital letters or digits")]
Amount = Annotated[
    str,
    BeforeValidator(as_digits),
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?$"),
    said("an amount from 0 up with a decimal point, like 149.00"),
]
Line = Annotated[Text, said("1 to 255 characters in one line")]
OptionalLine = Annotated[Text | None, said("1 to 255 characters in one line")]


def called(name: str) -> str:
    return CALLED.get(name, name.replace("_", " ").capitalize())


def _whole(low: int, high: int) -> Any:
    return Field(ge=low, le=high, strict=True, description=f"a whole number from {low} to {high}")


class Given(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a misspelt word in a file must not be overlooked

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """What is empty counts as not given; raises Rejected with a sentence for each fault."""
        try:
            return cls.model_validate({name: value for name, value in words.items() if value not in ABSENT})
        except ValidationError as error:
            raise Rejected(" ".join(dict.fromkeys(cls._sentence(fault) for fault in error.errors()))) from None

    @classmethod
    def _sentence(cls, fault: Any) -> str:
        if not fault["loc"]:
            return str(fault["msg"]).removeprefix("Value error, ")
        name = str(fault["loc"][0])
        if fault["type"] == "extra_forbidden":
            return f'There is no "{name[:40]}" here; leave it out.'
        takes = cls.model_fields[name].description
        if fault["type"] == "missing":
            return f"{called(name)} is missing; it takes {takes}."
        return f"{called(name)} takes {takes}, not {str(fault['input'])[:40]!r}."


class SellerIn(Given):
    number: Annotated[int, BeforeValidator(as_number), _whole(1, 9)]
    valid_from: Day
    name: Line
    address: Annotated[list[Text], Field(min_length=1, max_length=6), said("1 to 6 lines of 1 to 255 characters")]
    country: Country
    currency: Code
    sells_to: Annotated[
        tuple[Country, ...], Field(max_length=250), said("countries by two capital letters, like DE")
    ] = ()
    invoice_prefix: Prefix
    credit_note_prefix: Prefix
    request_prefix: Prefix
    vat_number: OptionalLine = None
    registration_number: OptionalLine = None
    email: OptionalLine = None
    iban: Annotated[str | None, AfterValidator(_iban), said("an IBAN whose check digits are right")] = None
    bic: Annotated[str | None, Field(pattern=r"^[A-Z0-9]{8}([A-Z0-9]{3})?$"), said("8 or 11 letters and digits")] = None
    bank: OptionalLine = None

    def row(self) -> SellerRow:
        decimals(self.currency)
        same = self.model_dump(include=set(SELLER_COLUMNS))
        printed = self.model_dump(exclude=set(SELLER_COLUMNS))
        return SellerRow(**same | {"printed": printed})


SELLER_COLUMNS = (
    "number", "valid_from", "country", "currency", "sells_to", "invoice_prefix", "credit_note_prefix", "request_prefix",
)  # fmt: skip


class PriceIn(Given):
    product: Line
    description: Line
    years: Annotated[int, BeforeValidator(as_number), _whole(1, 3)]
    currency: Code
    base: Amount
    included_names: Annotated[int, BeforeValidator(as_number), _whole(0, 250)] = 1
    extra_name: Amount = "0"
    extra_wildcard: Amount = "0"
    valid_from: Day
    account_id: Annotated[
        int | None, BeforeValidator(as_number), Field(ge=1, lt=2**31), said("the number of an account")
    ] = None

    def row(self) -> PriceRow:
        names = {"account_id", "description", "years", "currency", "included_names", "valid_from"}
        amounts: dict[str, Any] = {
            name: self._amount(getattr(self, name)) for name in ("base", "extra_name", "extra_wildcard")
        }
        return PriceRow(product_name_id=self.product, **self.model_dump(include=names), **amounts)

    def _amount(self, text: str) -> int:
        minor = from_text(text, self.currency)
        if minor > LARGEST_PRICE * 10 ** decimals(self.currency):
            raise Rejected(f"{text[:40]} is more than a price can be; check it.")
        return minor


class TaxIn(Given):
    seller_country: Country
    buyer_country: Annotated[
        str, Field(pattern=r"^([A-Z]{2}|\*)$"), said("a country's two capital letters, or * where no rule names it")
    ]
    vat_number_known: bool | None = None
    category: Annotated[str, Field(pattern=r"^(S|Z|E|AE|G|O)$"), said("one of S, Z, E, AE, G and O")]
    rate: Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,3})?$"), said("per cent below 100, like 19 or 7.7")]
    sentence: OptionalLine = None
    valid_from: Day

    @model_validator(mode="after")
    def fits_its_category(self) -> Self:
        """EN 16931, BR-S-05 and the like: only the standard category has a rate, and what is untaxed says why."""
        if (self.category == "S") != bool(Decimal(self.rate)):
            raise ValueError("Category S has a rate above 0, and every other category the rate 0; mend one of the two.")
        if self.category in ("E", "AE", "G", "O") and self.sentence is None:
            raise ValueError(f"Category {self.category} needs the sentence that says on the invoice why no VAT is due.")
        return self

    def row(self) -> TaxRow:
        return TaxRow(**self.model_dump() | {"rate": Decimal(self.rate)})


class RateIn(Given):
    currency: Code
    to_currency: Code
    rate: Annotated[
        str,
        Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,12})?$"),
        AfterValidator(_more_than_nothing),
        said("a number with a decimal point that is more than 0, like 0.92"),
    ]
    valid_from: Day

    @model_validator(mode="after")
    def between_two(self) -> Self:
        if self.currency == self.to_currency:
            raise ValueError("A currency has no rate to itself; name two currencies.")
        return self

    def row(self) -> RateRow:
        for code in (self.currency, self.to_currency):
            decimals(code)
        return RateRow(**self.model_dump() | {"rate": Decimal(self.rate)})
