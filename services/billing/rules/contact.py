"""Who is billed, as a customer gives it."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Self

import idna
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from services.billing.rules.countries import COUNTRIES
from services.billing.rules.given import Given, OptionalLine, said, unhidden

MOST_EMAILS = 10
LONGEST_EMAIL = 254  # RFC 5321 4.5.3.1.3 less the angle brackets
LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
BETWEEN = re.compile(r"[\s,;]+")


def _emails(value: Any) -> list[str]:
    """One text with commas, semicolons or lines between, or a list."""
    given: Iterable[str] = BETWEEN.split(value) if isinstance(value, str) else [str(one).strip() for one in value]
    return list({one.casefold(): one for one in given if one}.values())


def _is_email(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    return bool(at and len(local) <= 64 and LOCAL_PART.fullmatch(local) and "." in domain and _is_domain(domain))


def _is_domain(name: str) -> bool:
    try:
        return bool(idna.encode(name, uts46=True, std3_rules=True))
    except (idna.IDNAError, UnicodeError):
        return False


def _sound(addresses: list[str]) -> list[str]:
    if len(addresses) > MOST_EMAILS or not all(len(one) <= LONGEST_EMAIL and _is_email(one) for one in addresses):
        raise ValueError("no addresses")
    return addresses


def _country(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _assigned(code: str | None) -> str | None:
    if code is not None and code not in COUNTRIES:
        raise ValueError("no country")
    return code


Short = Annotated[
    str | None,
    StringConstraints(strip_whitespace=True, max_length=40),
    AfterValidator(unhidden),
    said("up to 40 characters in one line"),
]


class ContactIn(Given):
    name: OptionalLine = None
    address: OptionalLine = None
    city: OptionalLine = None
    state: OptionalLine = None
    zip: Short = None
    country: Annotated[
        str | None, BeforeValidator(_country), AfterValidator(_assigned),
        said("a country's two letters by ISO 3166, like DE"),
    ] = None  # fmt: skip
    emails: Annotated[
        list[str], Field(default_factory=list), BeforeValidator(_emails), AfterValidator(_sound),
        said(f"up to {MOST_EMAILS} e-mail addresses like ap@acme.example, with commas between"),
    ]  # fmt: skip
    phone: Short = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if not (self.name or self.address or self.emails or self.phone):
            raise ValueError("Give an address, an e-mail address, a name or a phone number.")
        return self

    @model_validator(mode="after")
    def has_a_whole_address(self) -> Self:
        """Or none: half a one cannot be printed, and its country decides the VAT."""
        needed = (self.address, self.city, self.country)
        if any((*needed, self.state, self.zip)) and not all(needed):
            raise ValueError("An address has at least street, city and country; give all three, or no address at all.")
        return self

    def stored(self) -> dict[str, Any]:
        """The address in the shape that orders tell one in."""
        postal = {
            "line1": self.address, "line2": None, "postcode": self.zip or "", "city": self.city, "region": self.state,
            "country": self.country,
        }  # fmt: skip
        address = postal if self.address else None
        return {"name": self.name, "phone": self.phone, "emails": self.emails, "address": address}


def as_words(contact: dict[str, Any]) -> dict[str, Any]:
    """A stored one as the contract and forms name its parts; what is not there is left out."""
    postal = contact.get("address") or {}
    words = {
        "name": contact.get("name"), "address": postal.get("line1"), "city": postal.get("city"),
        "state": postal.get("region"), "zip": postal.get("postcode"), "country": postal.get("country"),
        "emails": contact.get("emails"), "phone": contact.get("phone"),
    }  # fmt: skip
    return {name: value for name, value in words.items() if value}
